/// The plans on both sides of a budget, and what lies between them.
///
/// A price gives the best plans for some budgets only: groups that are alike grow at the same
/// price, and the bytes jump over the budgets between. There, some groups take their plans from
/// one side and some from the other.
struct BudgetSides {
  /// The largest plans that keep the budget, with the bytes that are left.
  private var under: (groups: [GroupPlan], rest: Double)?
  /// The smallest plans that do not, with the bytes that are too many.
  private var over: (groups: [GroupPlan], excess: Double)?

  /// Notes the plans of one turn.
  ///
  /// Those of other groups are forgotten.
  mutating func note(_ groups: [GroupPlan], excess: Double) {
    if let known = under, !Self.isAligned(known.groups, groups) { under = nil }
    if let known = over, !Self.isAligned(known.groups, groups) { over = nil }
    if excess <= 0, -excess < under?.rest ?? .infinity { under = (groups, -excess) }
    if excess > 0, excess < over?.excess ?? .infinity { over = (groups, excess) }
  }

  private static func isAligned(_ a: [GroupPlan], _ b: [GroupPlan]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.members == $1.members }
  }

  /// The groups in the order in which they go from one side to the other; none if a side is
  /// missing.
  ///
  /// - Parameter worth: What the first plan of a group is worth instead of the second.
  func order(by worth: (GroupPlan, GroupPlan) -> Double) -> [Int] {
    guard let under = under?.groups, let over = over?.groups else { return [] }
    let worths = zip(over, under).map(worth)
    return under.indices.sorted { (worths[$1], $0) < (worths[$0], $1) }
  }

  /// The smaller plans, but for some groups the larger ones.
  func plans(larger groups: ArraySlice<Int>) -> [GroupPlan] {
    guard var result = under?.groups, let over = over?.groups else { return [] }
    for group in groups { result[group] = over[group] }
    return result
  }
}
