import MopzBytes
import MopzLinearAlgebra

/// Plans over pools that are there, and stay as they are.
///
/// A target may take from the pools that tasks use for the same module; where there are none,
/// from those of the same projection in other layers. The cheapest is taken; none is one, too.
struct FixedPools: PlanSource {
  let family: FitFamily
  let options: FitOptions
  let stage = "routing through pools"
  private let pools: [StoredPool]
  /// What each item may take from.
  private let choices: [[Choice]]
  /// The pools that some plan used.
  private var opened: [Int: PublicPool] = [:]

  private struct Choice: Sendable {
    let pool: Int
    let model: ItemModel
    let planner: ItemPlanner
  }

  /// Looks at every item through the pools that it may take from.
  ///
  /// - Complexity: O((out + in) · vectors · (vectors + rank)) for each item and pool; memory
  ///   for one pool in Float64 a thread.
  init(_ family: FitFamily, _ options: FitOptions, _ pools: [StoredPool]) throws(FitError) {
    self.family = family
    self.options = options
    self.pools = pools
    let candidates = Self.candidates(family, pools)
    choices = try options.threads.map(family.items.count) {
      (item) throws(FitError) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      var found: [Choice] = []
      for pool in candidates[item] {
        found.append(try Self.choice(pool, pools[pool].pool, item, family, options))
      }
      return found
    }
  }

  private static func candidates(_ family: FitFamily, _ pools: [StoredPool]) -> [[Int]] {
    var ofModule: [GroupKey: [Int]] = [:]
    var ofProjection: [[String]: [Int]] = [:]
    for (index, pool) in pools.enumerated() {
      for user in pool.users { ofModule[user, default: []].append(index) }
      for projection in Set(pool.users.map(\.projection)) {
        ofProjection[projection, default: []].append(index)
      }
    }
    return family.items.indices.map { item in
      let task = family.items[item].task
      guard !family.isApart[task], family.norms[task] > 0, family.items[item].energy > 0 else {
        return []
      }
      let key = family.key(of: item)
      return ofModule[key] ?? ofProjection[key.projection] ?? []
    }
  }

  private static func choice(
    _ number: Int, _ pool: PublicPool, _ item: Int, _ family: FitFamily, _ options: FitOptions
  ) throws(FitError) -> Choice {
    let (u, v) = (pool.effectiveUp, pool.effectiveDown)
    let fit = GroupFit(family, options, members: [item], prices: [])
    let form = try family.form(of: item)
    let model = ItemModel(
      values: form.values, up: u.productTransposed(form.left),
      down: v.productTransposed(form.right))
    return Choice(
      pool: number, model: model,
      planner: fit.planner(
        for: pool, noise: 0, grams: (u.productTransposed(u), v.productTransposed(v))))
  }

  mutating func plans(turn: Int, prices: [Double]) throws(FitError) -> [GroupPlan] {
    let found = try options.threads.map(choices.count) {
      [self] (item) throws(FitError) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      return try best(item, price: prices[item])
    }
    var members: [Int: [Int]] = [:]
    var others: [Int] = []
    for (item, (pool, _)) in found.enumerated() {
      if let pool { members[pool, default: []].append(item) } else { others.append(item) }
    }
    open(members.keys.sorted())
    var groups = members.sorted { $0.key < $1.key }.map { pool, items in
      GroupPlan(
        members: items, pool: opened[pool], plans: items.map { found[$0].plan }, in: family)
    }
    if !others.isEmpty { groups.append(GroupPlan(alone: others, in: family)) }
    return groups
  }

  /// The cheapest plan of an item, and the pools that it takes from.
  private func best(
    _ item: Int, price: Double
  ) throws(FitError) -> (pool: Int?, plan: ItemPlan) {
    var best = (pool: Int?.none, plan: ItemPlan(alone: family.items[item].values))
    var least = Double.infinity
    for choice in choices[item] {
      let plan = try choice.planner.plan(choice.model, price: price)
      let cost = choice.planner.cost(plan, price: price)
      guard plan.use != nil, cost < least else { continue }
      (least, best) = (cost, (choice.pool, plan))
    }
    return best
  }

  private mutating func open(_ numbers: [Int]) {
    let missing = numbers.filter { opened[$0] == nil }
    let pools = pools
    for (number, pool) in zip(
      missing, options.threads.map(missing.count) { pools[missing[$0]].pool })
    { opened[number] = pool }
  }
}
