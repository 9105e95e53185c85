/// Chooses pools and prices in turns.
///
/// Pools depend on the price of error, and the price that meets the goal on the pools. A few
/// turns settle both; the smallest plan of all turns is kept.
struct FitLoop: Sendable {
  let family: FitFamily
  let options: FitOptions
  let allocation: ErrorAllocation

  private static let turns = 8

  /// A plan that meets the goal as far as planning can tell.
  struct Result: Sendable {
    var groups: [GroupPlan]
    /// Bytes, of pools and items.
    var bytes: Double
    /// The sum of the squared relative errors of the tasks.
    var error: Double
    /// Whether the bounds hold.
    var isSound: Bool
  }

  /// The plan without pools: truncation of each update by itself.
  func alone() -> Result {
    judged(family.groups.map { GroupPlan(alone: $0, in: family) }).result
  }

  /// The best plan with pools.
  ///
  /// - Parameter source: Where the plans of each turn come from.
  func best(from source: some PlanSource) throws(FitError) -> Result {
    var source = source
    let none = family.groups.map { GroupPlan(alone: $0, in: family) }
    var best = judged(none).result
    if !options.means.contains(.shardPrivatization) { best.bytes = .infinity }
    var prices = TurnPrices(judged(none).prices)
    let turns = options.means.contains(.shardPrivatization) ? Self.turns : 2 * Self.turns
    for turn in 0..<turns {
      let groups = try source.plans(turn: turn, prices: prices.items)
      options.progress?(FitProgress(stage: source.stage, done: turn + 1, total: turns))
      let result = judged(groups).result
      if isBetter(result, best) { best = result }
      move(&prices, groups)
    }
    return best
  }

  private func isBetter(_ a: Result, _ b: Result) -> Bool {
    if a.isSound != b.isSound { return a.isSound }
    if case .budget(let budget) = options.goal {
      let fits = (a.bytes <= Double(budget), b.bytes <= Double(budget))
      if fits.0 != fits.1 { return fits.0 }
      return fits.0 ? a.error < b.error : a.bytes < b.bytes
    }
    return a.isSound ? a.bytes < b.bytes : a.error < b.error
  }

  /// Bytes and errors of some groups at the prices that meet the goal.
  private func judged(_ groups: [GroupPlan]) -> (result: Result, prices: [Double]) {
    let poolBytes = groups.reduce(0) { $0 + $1.poolBytes }
    let plans = plans(of: groups)
    let bounds = allocation.bounds
    let prices = allocation.prices(plans, poolBytes: poolBytes, bounds: bounds)
    var result = Result(groups: groups, bytes: poolBytes, error: 0, isSound: true)
    for task in family.adapters.indices {
      let sums = allocation.sums(task: task, plans, prices: prices)
      result.bytes += sums.bytes
      result.error += sums.error
      if sums.error > bounds[task] * bounds[task] * 1.0001 { result.isSound = false }
    }
    return (result, prices)
  }

  private func plans(of groups: [GroupPlan]) -> [ItemPlan] {
    var plans = [ItemPlan](repeating: ItemPlan(alone: []), count: family.items.count)
    for group in groups {
      for (member, plan) in zip(group.members, group.plans) { plans[member] = plan }
    }
    return plans
  }

  /// The prices by which pools are chosen in one turn.
  private struct TurnPrices {
    /// One for each item.
    var items: [Double]
    /// What a bound for modules asks for, where it asks for more than the task's bound.
    var floors: [Double]

    init(_ prices: [Double]) {
      items = prices
      floors = [Double](repeating: 0, count: prices.count)
    }
  }

  /// Moves prices towards those at which pools of the right size are chosen.
  ///
  /// As under water-filling, where the squared error that is left is inverse to its price.
  private func move(_ prices: inout TurnPrices, _ groups: [GroupPlan]) {
    let plans = plans(of: groups)
    var total = groups.reduce(0) { $0 + $1.poolBytes }
    var errors: [Double] = []
    for task in family.adapters.indices {
      let sums = allocation.sums(task: task, plans, prices: prices.items)
      total += sums.bytes
      errors.append(sums.error)
    }
    for task in family.adapters.indices {
      let factor: Double
      switch options.goal {
      case .maxError(let bound):
        factor = bound > 0 ? errors[task] / (bound * bound) : 1e6
      case .budget(let budget):
        let ratio = Double(budget) / max(total, 1)
        factor = ratio * ratio
      }
      let items = family.taskItems[task]
      let common = items.reduce(Double.infinity) { min($0, prices.items[$1]) }
      for item in items {
        if let limit = options.maxErrorPerModule {
          let energy = family.items[item].energy
          let error = allocation.sums(item, plans[item], price: prices.items[item]).error
          let excess = energy > 0 ? error / max(limit * limit * energy, 1e-300) : 0
          prices.floors[item] = bounded(max(prices.items[item], 1e-6) * clamped(excess))
        }
        prices.items[item] = max(bounded(common * clamped(factor)), prices.floors[item])
      }
    }
  }

  private func clamped(_ factor: Double) -> Double { min(max(factor, 0.125), 16) }
  private func bounded(_ price: Double) -> Double { min(max(price, 1e-6), 1e30) }
}

extension FitItem {
  /// The squared norm of the update, relative to that of all updates of its task.
  var energy: Double { values.reduce(0) { $0 + $1 * $1 } }
}
