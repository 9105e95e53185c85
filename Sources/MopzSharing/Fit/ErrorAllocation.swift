/// Spreads error over updates where it is cheapest.
///
/// For given pools a task's error falls and its bytes rise with the price of its squared
/// relative error, so the price that just meets a bound, or a budget, is found by bisection.
struct ErrorAllocation: Sendable {
  private let family: FitFamily
  private let options: FitOptions
  private let types: [StoredType]

  /// Bounds of a price, in bytes for the whole of a task's squared norm.
  private static let range = (least: 1e-6, greatest: 1e30)

  init(_ family: FitFamily, _ options: FitOptions) {
    self.family = family
    self.options = options
    types = StoredType.permitted(by: options.type)
  }

  /// The bound of each task's relative error; with a budget there is none.
  var bounds: [Double] {
    guard case .maxError(let bound) = options.goal else {
      return [Double](repeating: 1, count: family.adapters.count)
    }
    return [Double](repeating: bound, count: family.adapters.count)
  }

  /// The pairs that an item's spectrum may be stored in.
  func pairs(_ item: Int) -> PairPrice {
    PairPrice(
      types: types, outWidth: family.items[item].outWidth, inWidth: family.items[item].inWidth)
  }

  /// Squared relative error and bytes of one update.
  func sums(_ item: Int, _ plan: ItemPlan, price: Double) -> (error: Double, bytes: Double) {
    guard options.means.contains(.shardPrivatization) || plan.use == nil else {
      return (plan.error + plan.energies.reduce(0, +), plan.bytes)
    }
    let sums = pairs(item).sums(energies: plan.energies, price: price)
    return (sums.error + plan.error, sums.bytes + plan.bytes)
  }

  /// Error and bytes of a task at given prices.
  func sums(task: Int, _ plans: [ItemPlan], prices: [Double]) -> (error: Double, bytes: Double) {
    family.taskItems[task].reduce(into: (0, 0)) { total, item in
      let sums = sums(item, plans[item], price: prices[item])
      total = (total.0 + sums.error, total.1 + sums.bytes)
    }
  }

  /// The price of each item's error that meets the goal.
  ///
  /// - Parameters:
  ///   - plans: One for each item.
  ///   - poolBytes: The bytes of all pools.
  ///   - bounds: The bound of each task's relative error, under a bound.
  func prices(_ plans: [ItemPlan], poolBytes: Double, bounds: [Double]) -> [Double] {
    var prices = [Double](repeating: 1, count: family.items.count)
    let floors = moduleFloors(plans, bounds: bounds)
    switch options.goal {
    case .maxError:
      for task in family.taskItems.indices {
        for (item, price) in zip(
          family.taskItems[task], self.prices(of: task, plans, floors, bounds[task]))
        {
          prices[item] = price
        }
      }
    case .budget(let budget):
      let price = bisected { price in
        var bytes = poolBytes
        for item in family.items.indices {
          bytes += sums(item, plans[item], price: max(price, floors[item])).bytes
        }
        return bytes > Double(budget)
      }
      for item in prices.indices { prices[item] = max(price.below, floors[item]) }
    }
    return prices
  }

  /// The prices of one task's items that just meet its bound.
  func prices(
    of task: Int, _ plans: [ItemPlan], _ floors: [Double], _ bound: Double
  ) -> [Double] {
    let price = bisected { price in
      family.taskItems[task].reduce(0) {
        $0 + sums($1, plans[$1], price: max(price, floors[$1])).error
      } <= bound * bound
    }
    return family.taskItems[task].map { max(price.above, floors[$0]) }
  }

  /// The prices below which single modules would miss their own bound.
  func moduleFloors(_ plans: [ItemPlan], bounds: [Double]) -> [Double] {
    guard let bound = options.maxErrorPerModule else {
      return [Double](repeating: 0, count: plans.count)
    }
    return plans.indices.map { item in
      let energy = family.items[item].values.reduce(0) { $0 + $1 * $1 }
      guard energy > 0 else { return 0 }
      // Where a task's bound was tightened to make up for rounding, so is the module's.
      let tightening: Double
      if case .maxError(let whole) = options.goal, whole > 0 {
        tightening = min(1, bounds[family.items[item].task] / whole)
      } else {
        tightening = 0.98
      }
      let limit = bound * bound * energy * tightening * tightening
      return bisected { sums(item, plans[item], price: $0).error <= limit }.above
    }
  }

  /// The two prices between which a condition becomes true.
  private func bisected(_ isReached: (Double) -> Bool) -> (below: Double, above: Double) {
    var (below, above) = Self.range
    if isReached(below) { return (below, below) }
    for _ in 0..<56 {
      let middle = (below * above).squareRoot()
      if isReached(middle) { above = middle } else { below = middle }
    }
    return (below, above)
  }
}
