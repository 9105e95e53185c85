import MopzLinearAlgebra

/// Looks for the size of a pool that makes updates cheapest.
///
/// A large pool is fitted once; its prefixes stand for smaller ones. Sizes are judged by a
/// sample of the updates, then the pool of the chosen size is fitted to all of them.
struct PoolSearch {
  private let fit: GroupFit
  private let span: UnitSpan
  private let weights: [Double]
  /// The places of the members that sizes are judged by.
  private let sample: [Int]
  private let isDiagonal: Bool

  init(_ fit: GroupFit, _ span: UnitSpan) {
    self.fit = fit
    self.span = span
    weights = span.members.map { fit.prices[$0] }
    sample = fit.sample(of: Array(span.members.indices))
    isDiagonal = !fit.options.means.contains(.pairDissociation)
  }

  /// The pools that may be the best, in the coordinates of the span; none if no pool is better
  /// than none.
  func best() throws(FitError) -> [PublicPool] {
    if isDiagonal { return [try bestDiagonal(among: [1, 2, 4, 8, 16, 32, 64])].compactMap(\.self) }
    guard let dense = try bestDense() else { return [] }
    guard weights.count <= GroupFit.diagonalMemberMax, span.up.chunks == 1, span.down.chunks == 1
    else { return [dense] }
    let sizes = Set([dense.up.rows, dense.down.rows]).sorted()
    return [dense, try bestDiagonal(among: sizes)].compactMap(\.self)
  }

  private func bestDense() throws(FitError) -> PublicPool? {
    let large = try pool(GroupFit.countMax, GroupFit.countMax, passes: 2)
    let models = sample.map { span.model($0, large) }
    var costs: [[Int]: Double] = [:]
    func cost(_ up: Int, _ down: Int) throws(FitError) -> Double {
      if let known = costs[[up, down]] { return known }
      let value = try self.cost(large, models, up, down)
      costs[[up, down]] = value
      return value
    }
    var best = (up: 0, down: 0, cost: Double.infinity)
    func consider(_ up: Int, _ down: Int) throws(FitError) -> Bool {
      guard (1...max(1, large.up.rows)).contains(up), (1...max(1, large.down.rows)).contains(down)
      else { return false }
      let value = try cost(up, down)
      guard value < best.cost else { return false }
      best = (up, down, value)
      return true
    }
    guard large.up.rows > 0, large.down.rows > 0 else { return nil }
    for size in [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96] {
      _ = try consider(min(size, large.up.rows), min(size, large.down.rows))
    }
    for step in [2.0, 1.5, 1.25, 1.0] {
      var hasImproved = true
      while hasImproved {
        hasImproved = false
        let (up, down) = (best.up, best.down)
        for (a, b) in [(1, 0), (0, 1), (-1, 0), (0, -1), (1, -1), (-1, 1)] {
          if try consider(Self.step(up, a, step), Self.step(down, b, step)) { hasImproved = true }
        }
      }
    }
    guard best.cost < aloneCost || !fit.options.means.contains(.shardPrivatization) else {
      return nil
    }
    return try pool(best.up, best.down, passes: 3)
  }

  private static func step(_ size: Int, _ direction: Int, _ factor: Double) -> Int {
    guard direction != 0 else { return size }
    let stepped = direction > 0 ? Double(size) * factor : Double(size) / factor
    let rounded = Int(direction > 0 ? stepped.rounded(.up) : stepped.rounded(.down))
    return rounded == size ? size + direction : rounded
  }

  /// Diagonal cores fit no prefix: each size has its own bases.
  private func bestDiagonal(among sizes: [Int]) throws(FitError) -> PublicPool? {
    var best: (cost: Double, pool: PublicPool)?
    let spanned = span.values.reduce(0) { $0 + $1.count }
    for size in sizes where size <= min(spanned, fit.outWidth, fit.inWidth) {
      let found = try DiagonalPoolFit(span, weights: weights, count: size, passes: 8)
      let pool = PublicPool(up: found.up, down: found.down, of: span, isDiagonal: true)
      let models = sample.map { span.model($0, pool) }
      let cost = try self.cost(pool, models, pool.up.rows, pool.down.rows)
      if cost < best?.cost ?? .infinity { best = (cost, pool) }
    }
    guard let best else { return nil }
    return best.cost < aloneCost || !fit.options.means.contains(.shardPrivatization)
      ? best.pool : nil
  }

  private func pool(_ up: Int, _ down: Int, passes: Int) throws(FitError) -> PublicPool {
    let found = try PoolFit(span, weights: weights, upCount: up, downCount: down, passes: passes)
    return PublicPool(up: found.up, down: found.down, of: span)
  }

  /// The cost of the sample without pools, for as many updates as there are.
  private var aloneCost: Double {
    let planner = fit.planner(for: nil, noise: 0)
    return scale
      * sample.reduce(0) {
        $0
          + planner.cost(
            ItemPlan(alone: span.values[$1]), price: weights[$1])
      }
  }

  private var scale: Double { Double(weights.count) / Double(sample.count) }

  /// The cost of a prefix of a pool, judged by the sample.
  private func cost(
    _ large: PublicPool, _ models: [ItemModel], _ up: Int, _ down: Int
  ) throws(FitError) -> Double {
    var small = large
    func rows(_ count: Int, of all: Int, _ chunks: Int) -> [Int] {
      (0..<chunks).flatMap { chunk in (0..<count).map { chunk * all + $0 } }
    }
    let ups = rows(up, of: large.up.rows, large.upChunks)
    let downs = rows(down, of: large.down.rows, large.downChunks)
    small.up = large.up.rows(0..<up)
    small.down = large.down.rows(0..<down)
    let seen = models.map {
      ItemModel(values: $0.values, up: $0.up.rows(ups), down: $0.down.rows(downs))
    }
    let prices = sample.map { weights[$0] }
    let (typed, noise) = fit.typed(small, seen, prices)
    let planner = fit.planner(for: typed, noise: noise)
    var sum = 0.0
    for (model, price) in zip(seen, prices) {
      let plan = try planner.plan(model, price: price)
      sum += planner.cost(plan, price: price) + (plan.use == nil ? 0 : planner.poolListBytes)
    }
    return scale * sum + Double(typed.byteCount + typed.blockByteCount)
  }
}
