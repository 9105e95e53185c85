import MopzLinearAlgebra

/// Fits pools for some updates of equal shape at given prices of their errors.
struct GroupFit: Sendable {
  let family: FitFamily
  let options: FitOptions
  let outWidth: Int
  let inWidth: Int
  /// The price of squared relative error for each item of the family, in bytes.
  let prices: [Double]
  let types: [StoredType]

  /// The tasks among the members, for each member: layers that share pools list them once.
  private let tasksPerMember: Double

  /// The most vectors of a pool.
  static let countMax = 96
  /// The most updates for which diagonal cores are tried beside dense ones: a few matrices are
  /// nearly diagonal in bases of their own, many are not.
  static let diagonalMemberMax = 4
  /// How many updates a pool's size is chosen by.
  private static let sampleMax = 32

  /// - Parameter members: Items of one shape, at least one.
  init(_ family: FitFamily, _ options: FitOptions, members: [Int], prices: [Double]) {
    self.family = family
    self.options = options
    outWidth = family.items[members[0]].outWidth
    inWidth = family.items[members[0]].inWidth
    tasksPerMember =
      Double(Set(members.map { family.items[$0].task }).count) / Double(members.count)
    self.prices = prices
    types = StoredType.permitted(by: options.type)
  }

  var pairs: PairPrice { PairPrice(types: types, outWidth: outWidth, inWidth: inWidth) }

  /// `Σ price · error + bytes`, with the pools.
  func cost(_ plan: GroupPlan) -> Double {
    let planner = planner(for: plan.pool, noise: 0)
    return plan.poolBytes
      + zip(plan.members, plan.plans).reduce(0) {
        $0 + planner.cost($1.1, price: prices[$1.0])
      }
  }

  /// The cheapest of: no pools, and pools of the best size, for vectors cut as the unit says.
  func best(_ unit: FitUnit) throws(FitError) -> GroupPlan {
    let alone = GroupPlan(alone: unit.members, in: family)
    var sharing = unit
    sharing.members = unit.members.filter {
      !family.isApart[family.items[$0].task] && !family.items[$0].values.isEmpty
    }
    guard sharing.members.count > 1, outWidth % unit.upChunks == 0,
      inWidth % unit.downChunks == 0
    else { return alone }
    let span = try UnitSpan(sharing, in: family)
    var best = options.means.contains(.shardPrivatization) ? alone : nil
    for pool in try PoolSearch(self, span).best() {
      let plan = try self.plan(unit.members, pool, in: span)
      if best.map({ cost(plan) < cost($0) }) ?? true { best = plan }
    }
    return best ?? alone
  }

  /// What each member takes from a pool in the coordinates of a span; nothing if it is not in
  /// the span.
  private func plan(
    _ members: [Int], _ pool: PublicPool, in span: UnitSpan
  ) throws(FitError) -> GroupPlan {
    let models = span.members.indices.map { span.model($0, pool) }
    let (typed, noise) = typed(pool, models, span.members.map { prices[$0] })
    let planner = planner(for: typed, noise: noise)
    var plans: [Int: ItemPlan] = [:]
    for (member, model) in zip(span.members, models) {
      plans[member] = try planner.plan(model, price: prices[member])
    }
    guard plans.values.contains(where: { $0.use != nil }) else {
      return GroupPlan(alone: members, in: family)
    }
    return GroupPlan(
      members: members, pool: span.expanded(typed),
      plans: members.map { plans[$0] ?? ItemPlan(alone: family.items[$0].values) }, in: family)
  }

  /// Every so many of the members, for decisions that need not look at all.
  func sample(of members: [Int]) -> [Int] {
    let count = min(members.count, Self.sampleMax)
    return (0..<count).map { members[$0 * members.count / count] }
  }

  /// The planner for updates over a pool.
  ///
  /// - Parameter grams: The effective bases' products with themselves, if they may not be taken
  ///   for orthonormal.
  func planner(
    for pool: PublicPool?, noise: Double, grams known: (up: Matrix, down: Matrix)? = nil
  ) -> ItemPlanner {
    let grams =
      known
      ?? pool.flatMap { pool in
        pool.isDiagonal
          ? (pool.up.productTransposed(pool.up), pool.down.productTransposed(pool.down)) : nil
      }
    return ItemPlanner(
      types: types, means: options.means, pairs: pairs,
      indexBytes: (pool?.upIndexByteCount ?? 1, pool?.downIndexByteCount ?? 1),
      poolListBytes: tasksPerMember * Double(pool?.listByteCount ?? 0),
      isDiagonal: pool?.isDiagonal ?? false,
      isSharded: (pool?.upChunks ?? 1) > 1 || (pool?.downChunks ?? 1) > 1, poolNoise: noise,
      grams: grams)
  }

  /// Chooses the type of each vector of a pool, and the error that rounding makes.
  ///
  /// - Returns: The pool, and the squared error relative to the squared cores.
  func typed(
    _ pool: PublicPool, _ models: [ItemModel], _ prices: [Double]
  ) -> (PublicPool, Double) {
    var (ups, downs, sum) = (
      [Double](repeating: 0, count: pool.up.rows), [Double](repeating: 0, count: pool.down.rows),
      0.0
    )
    for (model, price) in zip(models, prices) {
      let core = model.core
      let elements = core.elements.span
      for row in 0..<core.rows {
        for column in 0..<core.columns {
          let element = elements[row * core.columns + column]
          let energy = price * element * element
          ups[row % pool.up.rows] += energy
          downs[column % pool.down.rows] += energy
          sum += energy
        }
      }
    }
    var result = pool
    result.upTypes = Self.types(types, energies: ups, length: pool.upLength)
    result.downTypes = Self.types(types, energies: downs, length: pool.downLength)
    func noise(_ types: [StoredType], _ energies: [Double], _ length: Int) -> Double {
      zip(types, energies).reduce(0) { $0 + $1.0.noise(length: length) * $1.1 }
    }
    let noise =
      noise(result.upTypes, ups, pool.upLength)
      + noise(result.downTypes, downs, pool.downLength)
    return (result, sum > 0 ? noise / sum : 0)
  }

  /// The cheapest type of each vector; precision never rises along the pool.
  private static func types(
    _ permitted: [StoredType], energies: [Double], length: Int
  ) -> [StoredType] {
    var ceiling = permitted.max() ?? .f32
    return energies.map { energy in
      let costs = permitted.filter { $0 <= ceiling }.map { type in
        (type, energy * type.noise(length: length) + Double(type.byteCount(length: length)))
      }
      ceiling = costs.min { $0.1 < $1.1 }?.0 ?? ceiling
      return ceiling
    }
  }
}
