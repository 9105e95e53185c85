import MopzLinearAlgebra

/// All values of a fit, as they are stored.
struct FittedFamily: Sendable {
  /// The rounded pools of each group; nil without.
  var pools: [PublicPool?]
  /// The group of each item.
  var groups: [Int]
  /// One for each item.
  var items: [FittedItem]

  /// The bytes, by what they are for.
  func bytes(_ family: FitFamily) -> FitBytes {
    let used = Set(items.indices.filter { items[$0].use != nil }.map { groups[$0] })
    var bytes = items.indices.reduce(into: FitBytes()) { add(&$0, item: $1, family) }
    for group in used { bytes.pools += pools[group]?.byteCount ?? 0 }
    return bytes
  }

  /// The bytes of some items, without pools.
  func bytes(of items: [Int], _ family: FitFamily) -> Int {
    items.reduce(into: FitBytes()) { add(&$0, item: $1, family) }.total
  }

  private func add(_ bytes: inout FitBytes, item index: Int, _ family: FitFamily) {
    let item = items[index]
    if let use = item.use, let pool = pools[groups[index]] {
      bytes.cores += item.core.rows * use.coreType.byteCount(length: item.core.columns)
      bytes.records += RecordCosts.publicTerm
      if !pool.isWholeUp(use.rows) {
        bytes.indices += use.rows.count * pool.upIndexByteCount
        bytes.records += RecordCosts.indexTable
      }
      if !pool.isWholeDown(use.columns) {
        bytes.indices += use.columns.count * pool.downIndexByteCount
        bytes.records += RecordCosts.indexTable
      }
    }
    guard !item.types.isEmpty else { return }
    bytes.records += RecordCosts.privateTerm
    let shape = family.items[index]
    for type in item.types {
      bytes.privates +=
        type.byteCount(length: shape.outWidth) + type.byteCount(length: shape.inWidth)
    }
  }

  /// The relative error of each task.
  func errors(_ family: FitFamily) -> [Double] {
    var squares = [Double](repeating: 0, count: family.adapters.count)
    for (index, item) in items.enumerated() {
      squares[family.items[index].task] += item.squaredError
    }
    return zip(squares, family.norms).map { $1 > 0 ? $0.squareRoot() / $1 : 0 }
  }

  /// The relative error of one item's own update.
  func error(of item: Int, _ family: FitFamily) -> Double {
    let energy = family.items[item].values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let norm = energy * family.norms[family.items[item].task]
    return norm > 0 ? items[item].squaredError.squareRoot() / norm : 0
  }
}

extension PublicPool {
  /// Whether rows of the effective basis are all of it, in order, and need no index table.
  func isWholeUp(_ rows: [Int]) -> Bool { upChunks == 1 && rows.count == upCount }
  func isWholeDown(_ rows: [Int]) -> Bool { downChunks == 1 && rows.count == downCount }
  /// The bytes of one vector's indices.
  var upIndexByteCount: Int { RecordCosts.indexByteCount(vectorCount: up.rows) * upChunks }
  var downIndexByteCount: Int { RecordCosts.indexByteCount(vectorCount: down.rows) * downChunks }
}
