import MopzAdapters
import MopzBytes
import MopzLinearAlgebra

/// Updates that have their pools in common, and how vectors are cut.
struct FitUnit: Hashable, Sendable {
  var members: [Int]
  var upChunks = 1
  var downChunks = 1
}

/// Looks for the division of all updates into groups that makes them cheapest.
///
/// Begins with one group for each module path over the tasks. Vectors are cut, layers joined
/// and tasks divided into clusters where `Σ price · error + bytes` falls.
struct GroupStructure: Sendable {
  let family: FitFamily
  let options: FitOptions
  let prices: [Double]

  /// The most updates of layers that are joined.
  private static let joinedMax = 512
  /// The most times that a group is divided in two.
  private static let divisionMax = 5

  private struct Candidate: Sendable {
    var unit: FitUnit
    var plan: GroupPlan
    var cost: Double
  }

  /// The best plans, with the structure that they have.
  func best() throws(FitError) -> [(FitUnit, GroupPlan)] {
    let singles = try options.threads.map(family.groups.count) {
      (index) throws(FitError) in
      try single(family.groups[index])
    }
    var candidates = singles
    if options.sharesAcrossLayers {
      let classes = classes()
      let joined = try options.threads.map(classes.count) {
        (index) throws(FitError) -> Candidate? in
        let groups = classes[index]
        let members = groups.flatMap { singles[$0].unit.members }.sorted()
        guard groups.count > 1, members.count <= Self.joinedMax else { return nil }
        let found = try candidate(FitUnit(members: members))
        return found.cost < groups.reduce(0) { $0 + singles[$1].cost } ? found : nil
      }
      var replaced: Set<Int> = []
      for (groups, joint) in zip(classes, joined) where joint != nil { replaced.formUnion(groups) }
      candidates = singles.indices.filter { !replaced.contains($0) }.map { singles[$0] }
      candidates += joined.compactMap(\.self)
    }
    if options.usesClusters {
      let whole = candidates
      candidates = try options.threads.map(whole.count) {
        (index) throws(FitError) in
        try divided(whole[index], depth: 0)
      }.flatMap(\.self)
    }
    return candidates.map { ($0.unit, $0.plan) }
  }

  /// The plans of a structure that is known.
  func plans(for units: [FitUnit]) throws(FitError) -> [GroupPlan] {
    try options.threads.map(units.count) {
      (index) throws(FitError) in
      try candidate(units[index]).plan
    }
  }

  private func candidate(_ unit: FitUnit) throws(FitError) -> Candidate {
    guard !unit.members.isEmpty else {
      return Candidate(unit: unit, plan: GroupPlan(alone: [], in: family), cost: 0)
    }
    let fit = GroupFit(family, options, members: unit.members, prices: prices)
    let plan = try fit.best(unit)
    return Candidate(unit: unit, plan: plan, cost: fit.cost(plan))
  }

  /// One module over the tasks, with vectors whole or cut.
  private func single(_ members: [Int]) throws(FitError) -> Candidate {
    var best = try candidate(FitUnit(members: members))
    guard options.means.contains(.vectorSharding), options.means.contains(.pairDissociation)
    else { return best }
    for (up, down) in [(1, 2), (2, 1), (2, 2)] {
      let cut = try candidate(FitUnit(members: members, upChunks: up, downChunks: down))
      if cut.cost < best.cost, cut.plan.pool != nil { best = cut }
    }
    return best
  }

  /// Groups whose modules are the same projection of different layers, in equal shapes.
  private func classes() -> [[Int]] {
    var classes: [[String]: [Int]] = [:]
    for (index, group) in family.groups.enumerated() {
      guard let first = group.first else { continue }
      classes[family.key(of: first).projection, default: []].append(index)
    }
    return classes.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
  }

  /// A group, or the clusters that it falls into.
  private func divided(_ whole: Candidate, depth: Int) throws(FitError) -> [Candidate] {
    guard depth < Self.divisionMax, whole.unit.members.count >= 4,
      let halves = try TaskClusters.halves(of: whole.plan, in: family)
    else { return [whole] }
    var parts: [Candidate] = []
    for half in halves {
      var unit = whole.unit
      unit.members = half
      parts.append(try candidate(unit))
    }
    guard parts.reduce(0, { $0 + $1.cost }) < whole.cost else { return [whole] }
    var result: [Candidate] = []
    for part in parts { result += try divided(part, depth: depth + 1) }
    return result
  }
}
