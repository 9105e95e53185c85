import MopzLinearAlgebra

/// All values of a fit, as they are stored.
struct FittedFamily: Sendable {
  /// The rounded pools of each group; nil without.
  var pools: [PublicPool?]
  /// The group of each item.
  var groups: [Int]
  /// One for each item.
  var items: [FittedItem]

  init(pools: [PublicPool?], groups: [Int], items: [FittedItem]) {
    self.pools = pools
    self.groups = groups
    self.items = items
  }

  /// Nothing yet of so many items that share nothing.
  init(alone count: Int) {
    self.init(
      pools: [nil], groups: [Int](repeating: 0, count: count),
      items: [FittedItem](repeating: FittedItem(), count: count))
  }

  /// The bytes, by what they are for.
  func bytes(_ family: FitFamily) -> FitBytes {
    var bytes = family.taskItems.reduce(into: FitBytes()) { add(&$0, task: $1, family) }
    for pool in pools(of: Array(items.indices)) {
      bytes.pools += pool.byteCount
      bytes.records += pool.blockByteCount
    }
    return bytes
  }

  /// The bytes of a task's items, without pools.
  func bytes(of task: [Int], _ family: FitFamily) -> Int {
    var bytes = FitBytes()
    add(&bytes, task: task, family)
    return bytes.total
  }

  /// The pools that some items use.
  private func pools(of items: [Int]) -> [PublicPool] {
    Set(items.lazy.filter { self.items[$0].use != nil }.map { groups[$0] }).sorted()
      .compactMap { pools[$0] }
  }

  private func add(_ bytes: inout FitBytes, task: [Int], _ family: FitFamily) {
    for item in task { add(&bytes, item: item, family) }
    for pool in pools(of: task) { bytes.records += pool.listByteCount }
  }

  private func add(_ bytes: inout FitBytes, item index: Int, _ family: FitFamily) {
    let item = items[index]
    if let use = item.use, let pool = pools[groups[index]] {
      bytes.cores += item.core.rows * use.coreType.byteCount(length: item.core.columns)
      bytes.records += RecordCosts.publicTerm
      if pool.needsUpTable(use.rows) {
        bytes.indices += use.rows.count * pool.upIndexByteCount
        bytes.records += RecordCosts.indexTable
      }
      if pool.needsDownTable(use.columns) {
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

  /// Takes the values of another fit, which has no pools, for every task that they make smaller.
  ///
  /// - Returns: Whether there was one.
  mutating func takeSmaller(
    _ other: FittedFamily, _ family: FitFamily, _ options: FitOptions
  ) -> Bool {
    var hasTaken = false
    for items in family.taskItems {
      func isSound(_ fitted: FittedFamily) -> Bool {
        FitExcess(of: items, items.map { fitted.items[$0] }, family, options).value <= 1
      }
      guard isSound(other),
        !isSound(self) || other.bytes(of: items, family) < bytes(of: items, family)
      else { continue }
      for item in items { self.items[item] = other.items[item] }
      hasTaken = true
    }
    return hasTaken
  }
}

extension PublicPool {
  /// Whether rows of the effective basis, ascending, need an index table: a run does not.
  func needsUpTable(_ rows: [Int]) -> Bool { upChunks > 1 || !rows.isRun }
  func needsDownTable(_ rows: [Int]) -> Bool { downChunks > 1 || !rows.isRun }
  /// The bytes of one vector's indices.
  var upIndexByteCount: Int { RecordCosts.indexByteCount(vectorCount: up.rows) * upChunks }
  var downIndexByteCount: Int { RecordCosts.indexByteCount(vectorCount: down.rows) * downChunks }
}

extension [Int] {
  /// Whether ascending numbers leave none out.
  var isRun: Bool { count == (last ?? 0) - (first ?? 1) + 1 }
}
