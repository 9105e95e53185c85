/// By how much a task misses what was asked of it.
struct FitExcess {
  /// The greatest of the task's errors over their bounds: 1 or less if all of them hold; 0 without
  /// bounds.
  let value: Double
  /// The relative error of the whole task.
  let error: Double

  /// Looks at the values of a task's items.
  init(
    of items: [Int], _ values: [FittedItem], _ family: FitFamily, _ options: FitOptions
  ) {
    let norm = items.first.map { family.norms[family.items[$0].task] } ?? 0
    var (sum, excess) = (0.0, 0.0)
    for (item, value) in zip(items, values) {
      sum += value.squaredError
      guard let limit = options.maxErrorPerModule else { continue }
      let own = norm * family.items[item].energy.squareRoot()
      excess = max(excess, Self.ratio(value.squaredError.squareRoot(), limit * own))
    }
    error = Self.ratio(sum.squareRoot(), norm)
    if case .maxError(let bound) = options.goal { excess = max(excess, Self.ratio(error, bound)) }
    value = excess
  }

  private static func ratio(_ value: Double, _ limit: Double) -> Double {
    limit > 0 ? value / limit : value > 0 ? .infinity : 0
  }
}
