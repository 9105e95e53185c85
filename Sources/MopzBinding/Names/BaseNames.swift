import MopzBytes
import MopzSafetensors
import MopzTensors

/// The names of a base, and what adapters may call them.
struct BaseNames {
  /// A tensor name of the base, or the head that is tied to its embedding.
  func exists(_ name: String) -> Bool {
    name == tie?.head || checkpoint.location(of: name) != nil
  }

  /// The embedding and the head that shares its values.
  let tie: TiedPair?
  private let checkpoint: Checkpoint
  /// From a flattened tensor name to the names of the base that flatten to it.
  private let flattened: [String: [String]]
  /// The paths of the modules that have parameters, with one of those.
  private let modules: [String: String]

  init(of checkpoint: Checkpoint, tie: TiedPair?, flattening: Bool) {
    self.checkpoint = checkpoint
    self.tie = tie
    var flattened: [String: [String]] = [:]
    var modules: [String: String] = [:]
    for info in checkpoint.infos {
      let (module, parameter) = Self.split(info.name)
      if modules[module] == nil { modules[module] = info.name }
      if flattening {
        flattened[Self.join(module.flattenedPath, parameter), default: []].append(info.name)
      }
    }
    self.flattened = flattened
    self.modules = modules
  }

  /// The module's path and the parameter's name.
  static func split(_ name: String) -> (module: String, parameter: String) {
    guard let dot = name.lastIndex(of: ".") else { return ("", name) }
    return (String(name[..<dot]), String(name[name.index(after: dot)...]))
  }

  /// The tensor name of a module's parameter; either may be empty.
  static func join(_ module: String, _ parameter: String) -> String {
    if module.isEmpty { return parameter }
    return parameter.isEmpty ? module : "\(module).\(parameter)"
  }

  /// A tensor of the module that `name` belongs to, or nil.
  func sibling(of name: String) -> String? { modules[Self.split(name).module] }

  /// The names of the base that a flattened tensor name may mean under a rule.
  func flattenedMatches(_ name: String, rule: NamingRule) -> [String] {
    let renamed = rule.flattened.apply(to: name) { flattened[$0] != nil }
    return flattened[renamed] ?? []
  }

  /// The names that are nearest to one that the base lacks.
  func nearest(to name: String) -> [String] {
    NearestNames.nearest(to: name, among: checkpoint.infos.lazy.map(\.name))
  }

  /// The names that are nearest to a flattened one.
  func nearest(toFlattened name: String) -> [String] {
    let keys = NearestNames.nearest(to: name, among: flattened.keys)
    return keys.compactMap { flattened[$0]?.first }
  }
}
