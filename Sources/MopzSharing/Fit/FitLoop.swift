/// Chooses pools and prices in turns.
///
/// Pools depend on the price of error, and the price that meets the goal on the pools. A few
/// turns settle both; the smallest plan of all turns is kept.
struct FitLoop: Sendable {
  let family: FitFamily
  let options: FitOptions
  let allocation: ErrorAllocation

  private static let turns = 8
  /// With a budget one price decides everything, and must be met closely.
  private static let budgetTurns = 12

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
    var prices = TurnPrices(judged(none).prices, taskCount: family.adapters.count)
    var turns = options.means.contains(.shardPrivatization) ? Self.turns : 2 * Self.turns
    if case .budget = options.goal { turns = max(turns, Self.budgetTurns) }
    var sides = BudgetSides()
    for turn in 0..<turns {
      let groups = try source.plans(turn: turn, prices: prices.items)
      options.progress?(FitProgress(stage: source.stage, done: turn + 1, total: turns))
      let result = judged(groups).result
      if isBetter(result, best) { best = result }
      if case .budget(let budget) = options.goal {
        sides.note(groups, excess: byteCount(groups, prices.items) - Double(budget))
      }
      move(&prices, groups)
    }
    if case .budget(let budget) = options.goal {
      let order = sides.order { worth(of: $0, insteadOf: $1, prices.items) }
      for result in between(sides, order, Double(budget)) where isBetter(result, best) {
        best = result
      }
    }
    return best
  }

  /// Plans with as many groups in their larger form as a budget allows, and those that were tried
  /// on the way.
  private func between(_ sides: BudgetSides, _ order: [Int], _ budget: Double) -> [Result] {
    var results: [Result] = []
    var (least, greatest) = (0, order.count)
    while least < greatest {
      let middle = (least + greatest + 1) / 2
      let result = judged(sides.plans(larger: order[..<middle])).result
      if result.bytes <= budget { least = middle } else { greatest = middle - 1 }
      results.append(result)
    }
    return results
  }

  /// The bytes of pools and items at some prices.
  private func byteCount(_ groups: [GroupPlan], _ prices: [Double]) -> Double {
    groups.reduce(0) { $0 + sums(of: $1, prices).bytes }
  }

  private func sums(
    of group: GroupPlan, _ prices: [Double]
  ) -> (error: Double, bytes: Double) {
    zip(group.members, group.plans).reduce(into: (0, group.poolBytes)) { total, member in
      let sums = allocation.sums(member.0, member.1, price: prices[member.0])
      total = (total.0 + sums.error, total.1 + sums.bytes)
    }
  }

  /// The error that each byte takes away which a larger plan needs.
  private func worth(
    of larger: GroupPlan, insteadOf smaller: GroupPlan, _ prices: [Double]
  ) -> Double {
    let (a, b) = (sums(of: smaller, prices), sums(of: larger, prices))
    return (a.error - b.error) / max(b.bytes - a.bytes, 1)
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
    /// What is known of the price of each task that meets the goal.
    var brackets: [PriceBracket]

    init(_ prices: [Double], taskCount: Int) {
      items = prices
      floors = [Double](repeating: 0, count: prices.count)
      brackets = [PriceBracket](repeating: PriceBracket(), count: taskCount)
    }
  }

  /// Between which prices a goal is met, as far as is known.
  ///
  /// Where the bytes jump at some price, steps in proportion go to and fro over it.
  private struct PriceBracket {
    private var low = 0.0
    private var high = Double.infinity

    /// The price to try after one that calls for another by a factor.
    ///
    /// What was found over other structures is forgotten where it contradicts.
    mutating func next(after price: Double, factor: Double) -> Double {
      if factor > 1 {
        low = price
        if high <= price { high = .infinity }
      } else {
        high = price
        if low >= price { low = 0 }
      }
      let next = price * factor
      let isKnown = low > 0 && high < .infinity
      return isKnown && !(next > low && next < high) ? (low * high).squareRoot() : next
    }
  }

  /// Moves prices towards those at which pools of the right size are chosen.
  ///
  /// As under water-filling, where the squared error that is left is inverse to its price.
  private func move(_ prices: inout TurnPrices, _ groups: [GroupPlan]) {
    let plans = plans(of: groups)
    let total = byteCount(groups, prices.items)
    let errors = family.adapters.indices.map {
      allocation.sums(task: $0, plans, prices: prices.items).error
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
      guard let first = items.first else { continue }
      let common = items.reduce(prices.items[first]) { min($0, prices.items[$1]) }
      let next = prices.brackets[task].next(after: common, factor: clamped(factor))
      for item in items {
        if let limit = options.maxErrorPerModule {
          let energy = family.items[item].energy
          let error = allocation.sums(item, plans[item], price: prices.items[item]).error
          let excess = energy > 0 ? error / max(limit * limit * energy, 1e-300) : 0
          prices.floors[item] = bounded(max(prices.items[item], 1e-6) * clamped(excess))
        }
        prices.items[item] = max(bounded(next), prices.floors[item])
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
