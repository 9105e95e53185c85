import MopzBytes

/// Cuts each update by itself: what a fit without pools comes to.
///
/// Ranks by reverse water-filling need the fewest bytes as a rule, but meet a bound only up to
/// one pair, and a chosen type may cost more in records than it saves. So there are several
/// candidates, and they are cheap: all of them take what is stored from the singular vectors that
/// the family keeps.
struct TruncationFit: Sendable {
  private let family: FitFamily
  private let options: FitOptions

  init(_ family: FitFamily, _ options: FitOptions) {
    self.family = family
    self.options = options
  }

  /// The candidates: for each task the smallest of all ways, then each way for all tasks; none if
  /// nothing may be private.
  ///
  /// - Throws: ``FitError``.
  /// - Complexity: O(tasks · modules · (out + in) · rank²).
  func families() throws(FitError) -> [FittedFamily] {
    guard options.means.contains(.shardPrivatization) else { return [] }
    var ways = [try waterFilled(options.type)]
    if options.type == .chosen { ways.append(try waterFilled(.f32)) }
    ways.append(try evenRanks())
    guard case .maxError = options.goal else { return ways }
    var (mixed, isNew) = (ways[0], false)
    for way in ways.dropFirst() where mixed.takeSmaller(way, family, options) { isNew = true }
    return isNew ? [mixed] + ways : ways
  }

  /// Ranks by water-filling, and types if they may be chosen.
  func waterFilled(_ type: FitType) throws(FitError) -> FittedFamily {
    var options = options
    options.type = type
    let allocation = ErrorAllocation(family, options)
    let plan = FitLoop(family: family, options: options, allocation: allocation).alone()
    return try ValueLoop(family: family, options: options, allocation: allocation)
      .fitted(plan.groups)
  }

  /// One rank for all updates of a task: the least that meets its bounds; with a budget one rank
  /// for all tasks, the greatest that keeps it.
  private func evenRanks() throws(FitError) -> FittedFamily {
    let items = family.taskItems
    var budgeted = 0
    if case .budget(let budget) = options.goal {
      let most = family.items.reduce(0) { max($0, $1.values.count) }
      budgeted = (0...most).last { byteCount(rank: $0) <= budget } ?? 0
    }
    let tasks = try options.threads.map(items.count) {
      [budgeted] (task) throws(FitError) in
      guard case .maxError(let bound) = options.goal else {
        return try values(items[task], rank: budgeted)
      }
      return try smallest(task, items[task], bound: bound)
    }
    var result = FittedFamily(alone: family.items.count)
    for (places, values) in zip(items, tasks) {
      for (place, value) in zip(places, values) { result.items[place] = value }
    }
    return result
  }

  private var type: StoredType { StoredType.permitted(by: options.type).max() ?? .f32 }

  private func byteCount(rank: Int) -> Int {
    family.items.reduce(0) { sum, item in
      let count = min(rank, item.values.count)
      let pair = type.byteCount(length: item.outWidth) + type.byteCount(length: item.inWidth)
      return sum + count * pair + (count > 0 ? RecordCosts.privateTerm : 0)
    }
  }

  private func values(_ items: [Int], rank: Int) throws(FitError) -> [FittedItem] {
    let fit = ValueFit(family, nil)
    var result: [FittedItem] = []
    for item in items {
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      let count = min(rank, family.items[item].values.count)
      result.append(
        try fit.values(item, nil, types: [StoredType](repeating: type, count: count)))
    }
    return result
  }

  /// The least rank at which a task's bounds hold, or all of it.
  private func smallest(
    _ task: Int, _ items: [Int], bound: Double
  ) throws(FitError) -> [FittedItem] {
    func meets(_ values: [FittedItem]) -> Bool {
      FitExcess(of: items, values, family, options).value <= 1
    }
    // Nothing of a lower rank is nearer than what the singular values leave.
    let most = items.reduce(0) { max($0, family.items[$1].values.count) }
    var below = -1
    for rank in 0..<most {
      let left = items.reduce(0) { sum, item in
        family.items[item].values.dropFirst(rank).reduce(sum) { $0 + $1 * $1 }
      }
      if left <= bound * bound * (1 + 1e-12) { break }
      below = rank
    }
    var best = try values(items, rank: below + 1)
    guard !meets(best), below + 1 < most else { return best }
    best = try values(items, rank: most)
    guard meets(best) else { return best }
    var above = most
    below += 1
    while above - below > 1 {
      let middle = (above + below) / 2
      let found = try values(items, rank: middle)
      if meets(found) { (above, best) = (middle, found) } else { below = middle }
    }
    return best
  }
}
