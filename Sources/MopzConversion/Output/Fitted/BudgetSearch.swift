/// Finds how many bytes a fit may have for its own so that the whole file fills a budget.
///
/// What a file holds beside the fitted blocks (tables, exact tensors, gaps) depends on the fit
/// itself, so it is measured: an attempt whose file is too large or too small is corrected by
/// the difference, within what earlier attempts have shown.
struct BudgetSearch {
  /// How often a fit is tried.
  static let attemptCountMax = 8

  private let budget: Int
  private var attemptCount = 0
  /// The greatest allowance whose file kept the budget, and the least whose file did not.
  private var fits = 0
  private var exceeds = Int.max
  private var sizes: Set<Int> = []
  /// What the fit may take in the next attempt; nil if there is none.
  private(set) var allowance: Int?

  /// A search for a file of at most `budget` bytes.
  ///
  /// - Parameter rest: What the file is thought to hold beside the fitted blocks.
  init(budget: Int, rest: Int) {
    self.budget = budget
    allowance = max(budget - rest, budget / 16, 1)
  }

  /// Notes that nothing was found for the allowance, and chooses a smaller one.
  mutating func noteNothing() {
    attemptCount += 1
    let next = (allowance ?? 0) * 31 / 32
    allowance = attemptCount < Self.attemptCountMax && next > fits ? next : nil
  }

  /// Notes the size of the file that the allowance gave, and chooses the next.
  mutating func note(size: Int) {
    guard let tried = allowance else { return }
    attemptCount += 1
    let isKept = size <= budget
    if isKept { fits = max(fits, tried) } else { exceeds = min(exceeds, tried) }
    let isFilled = isKept && size >= budget - budget / 50
    // Sizes jump: a small step may change nothing, and where the jump is known closely, there is
    // nothing between.
    let isClose = exceeds < .max && exceeds - fits <= budget / 200
    var next = max(1, tried + budget - size)
    let isKnown = !sizes.insert(size).inserted
    if isKnown || next <= fits || next >= exceeds {
      next = fits + (min(exceeds, 2 * budget) - fits) / 2
    }
    // More than there is cannot be stored.
    let isAll = isKept && isKnown && exceeds == .max
    let isDone = attemptCount == Self.attemptCountMax || isFilled || isClose || isAll
    allowance = isDone || next <= fits || next >= exceeds ? nil : next
  }
}
