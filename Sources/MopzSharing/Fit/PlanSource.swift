/// Where the plans of a fit come from: pools that are looked for, or pools that are there.
///
/// Everything after that is the same for both: prices, private pairs, stored values, bounds.
protocol PlanSource: Sendable {
  /// What is being done, for who watches.
  var stage: String { get }

  /// Plans of all items at given prices of their squared error.
  ///
  /// - Parameter turn: The number of the turn, from 0 on; prices settle with the turns.
  mutating func plans(turn: Int, prices: [Double]) throws(FitError) -> [GroupPlan]
}

/// Plans over pools that are fitted to the family itself.
struct FoundPools: PlanSource {
  let family: FitFamily
  let options: FitOptions
  let stage = "fitting pools"
  /// The structure that was found last; empty before.
  private var units: [FitUnit] = []

  init(_ family: FitFamily, _ options: FitOptions) {
    self.family = family
    self.options = options
  }

  /// With a budget the first prices are further off.
  private var structureTurns: Set<Int> {
    if case .budget = options.goal { [2, 5] } else { [1, 3] }
  }

  /// Looks for the structure in turns whose prices are worth it, else keeps what was found.
  mutating func plans(turn: Int, prices: [Double]) throws(FitError) -> [GroupPlan] {
    let structure = GroupStructure(family: family, options: options, prices: prices)
    if structureTurns.contains(turn) {
      let found = try structure.best()
      units = found.map(\.0)
      return found.map(\.1)
    }
    return try structure.plans(
      for: units.isEmpty ? family.groups.map { FitUnit(members: $0) } : units)
  }
}
