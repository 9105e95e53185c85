import MopzAdapters

/// What updates must have in common to share pools over tasks.
public struct GroupKey: Hashable, Comparable, Sendable {
  let module: String
  let parameter: String
  let layout: UInt8
  let outWidth: Int
  let inWidth: Int

  init(_ target: TargetUpdate, outWidth: Int, inWidth: Int) {
    module = target.module
    parameter = target.parameter
    layout = target.layout.rawValue
    self.outWidth = outWidth
    self.inWidth = inWidth
  }

  /// What the same projection has in common in all layers: the path but for the layer's number.
  ///
  /// A path whose parts are joined by underscores alone, as some trainers write it, is taken apart
  /// there.
  var projection: [String] {
    let parts = module.split(separator: module.contains(".") ? "." : "_")
    let name = parts.map { $0.allSatisfy(\.isNumber) ? "*" : $0 }.joined(separator: ".")
    return [name, parameter, "\(layout)", "\(outWidth)", "\(inWidth)"]
  }

  public static func < (a: GroupKey, b: GroupKey) -> Bool {
    (a.module, a.parameter, a.layout, a.outWidth, a.inWidth) < (
      b.module, b.parameter, b.layout, b.outWidth, b.inWidth
    )
  }
}

extension FitFamily {
  /// What an item must have in common with another to share pools with it.
  func key(of item: Int) -> GroupKey {
    let item = items[item]
    return GroupKey(
      adapters[item.task].targets[item.target], outWidth: item.outWidth, inWidth: item.inWidth)
  }
}
