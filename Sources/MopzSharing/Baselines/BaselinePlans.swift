import MopzAdapters
import MopzBytes
import MopzLinearAlgebra

/// What a baseline of one size stores.
struct BaselinePlans: Sendable {
  private let family: FitFamily
  private let options: FitOptions
  private let baseline: SharingBaseline
  private let type: StoredType

  init(_ family: FitFamily, _ options: FitOptions, _ baseline: SharingBaseline) {
    self.family = family
    self.options = options
    self.baseline = baseline
    type = StoredType.permitted(by: options.type).max() ?? .f32
  }

  /// The size that leaves nothing out.
  var sizeMax: Int {
    let widths = family.items.reduce(0) { max($0, min($1.outWidth, $1.inWidth)) }
    switch baseline {
    case .truncatedSVD, .waterFilledSVD:
      return family.items.reduce(0) { max($0, $1.values.count) }
    case .jointDiagonalFull, .jointDiagonal, .clustered:
      return min(widths, family.groups.reduce(0) { max($0, rank(of: $1)) })
    case .pureSharing: return min(widths, rank(of: Array(family.items.indices)))
    }
  }

  private func rank(of members: [Int]) -> Int {
    members.reduce(0) { $0 + family.items[$1].values.count }
  }

  /// The values.
  func fitted(size: Int) throws(FitError) -> FittedFamily {
    let groups: [[Int]]
    switch baseline {
    case .truncatedSVD, .waterFilledSVD, .jointDiagonalFull, .jointDiagonal:
      groups = family.groups
    case .pureSharing: groups = shapes
    case .clustered: groups = try clusters(size: size)
    }
    let parts = try options.threads.map(groups.count) {
      (index) throws(FitError) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      return try values(groups[index], size: size)
    }
    var result = FittedFamily(
      pools: parts.map(\.pool), groups: [Int](repeating: 0, count: family.items.count),
      items: [FittedItem](repeating: FittedItem(), count: family.items.count))
    for (index, group) in groups.enumerated() {
      for (member, item) in zip(group, parts[index].items) {
        result.groups[member] = index
        result.items[member] = item
      }
    }
    return result
  }

  private struct Part: Sendable {
    var pool: PublicPool?
    var items: [FittedItem]
  }

  private func values(_ members: [Int], size: Int) throws(FitError) -> Part {
    guard baseline != .truncatedSVD else {
      let fit = ValueFit(family, nil)
      var items: [FittedItem] = []
      for member in members {
        let rank = min(size, family.items[member].values.count)
        items.append(
          try fit.values(member, nil, types: [StoredType](repeating: type, count: rank)))
      }
      return Part(pool: nil, items: items)
    }
    let pool = try pool(members, size: size).rounded()
    let fit = ValueFit(family, pool)
    let use = PublicUse(
      rows: Array(0..<pool.up.rows), columns: Array(0..<pool.down.rows), coreType: type)
    var items: [FittedItem] = []
    for member in members {
      // An update of zeros needs no core.
      let isZero = family.items[member].values.isEmpty
      items.append(try fit.values(member, isZero ? nil : use, types: []))
    }
    return Part(pool: pool, items: items)
  }

  /// Pools of one size, with every update in units of its task's norm, as published.
  private func pool(_ members: [Int], size: Int) throws(FitError) -> PublicPool {
    let span = try UnitSpan(FitUnit(members: members), in: family)
    let weights = [Double](repeating: 1, count: members.count)
    var pool: PublicPool
    if baseline == .jointDiagonal || baseline == .pureSharing {
      let found = try DiagonalPoolFit(span, weights: weights, count: size, passes: 12)
      pool = PublicPool(up: found.up, down: found.down, of: span, isDiagonal: true)
    } else {
      let found = try PoolFit(
        span, weights: weights, upCount: size, downCount: size, passes: 6)
      pool = PublicPool(up: found.up, down: found.down, of: span)
    }
    pool = span.expanded(pool)
    pool.upTypes = [StoredType](repeating: type, count: pool.up.rows)
    pool.downTypes = [StoredType](repeating: type, count: pool.down.rows)
    return pool
  }

  /// All updates of equal shape.
  private var shapes: [[Int]] {
    var shapes: [[Int]: [Int]] = [:]
    for (index, item) in family.items.enumerated() {
      shapes[[item.outWidth, item.inWidth], default: []].append(index)
    }
    return shapes.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
  }

  /// Groups by module and cluster of tasks.
  ///
  /// k-means over the cores of all modules, each task's of norm 1; then, twice, pools for each
  /// cluster, and every task to the cluster that leaves it least.
  private func clusters(size: Int) throws(FitError) -> [[Int]] {
    let tasks = family.adapters.count
    let count = tasks < 4 ? 1 : tasks < 64 ? 2 : min(25, tasks / 32)
    var features = [[Double]](repeating: [], count: tasks)
    let cores = try options.threads.map(family.groups.count) {
      (index) throws(FitError) in
      let pool = try pool(family.groups[index], size: min(size, 8))
      var cores: [Int: [Double]] = [:]
      for member in family.groups[index] {
        cores[family.items[member].task] = try core(member, pool).elements
      }
      return (cores, pool.up.rows * pool.down.rows)
    }
    for (cores, width) in cores {
      for task in 0..<tasks {
        features[task] += cores[task] ?? [Double](repeating: 0, count: width)
      }
    }
    for task in 0..<tasks {
      let norm = features[task].reduce(0) { $0 + $1 * $1 }.squareRoot()
      if norm > 0 { features[task] = features[task].map { $0 / norm } }
    }
    guard var labels = KMeans.labels(features, count: count, passes: 20) else {
      return family.groups
    }
    for _ in 0..<2 {
      let left = try errors(labels, count, size: size)
      labels = (0..<tasks).map { task in
        (0..<count).min { left[task][$0] < left[task][$1] } ?? labels[task]
      }
    }
    return divided(labels, count)
  }

  private func divided(_ labels: [Int], _ count: Int) -> [[Int]] {
    family.groups.flatMap { group in
      (0..<count).map { label in group.filter { labels[family.items[$0].task] == label } }
    }.filter { !$0.isEmpty }
  }

  private func core(_ member: Int, _ pool: PublicPool) throws(FitError) -> Matrix {
    let product = try family.form(of: member).product
    return pool.up.productTransposed(product.up)
      .product(product.down.productTransposed(pool.down))
  }

  /// What each cluster's pools leave of each task.
  private func errors(
    _ labels: [Int], _ count: Int, size: Int
  ) throws(FitError) -> [[Double]] {
    let parts = try options.threads.map(family.groups.count) {
      (index) throws(FitError) in
      let group = family.groups[index]
      var left: [(task: Int, label: Int, error: Double)] = []
      for label in 0..<count {
        let members = group.filter { labels[family.items[$0].task] == label }
        let pool = members.isEmpty ? nil : try pool(members, size: size)
        for member in group {
          var error = family.items[member].energy
          if let pool { error -= try core(member, pool).squaredNorm }
          left.append((family.items[member].task, label, error))
        }
      }
      return left
    }
    var errors = [[Double]](
      repeating: [Double](repeating: 0, count: count), count: family.adapters.count)
    for entry in parts.joined() { errors[entry.task][entry.label] += entry.error }
    return errors
  }
}
