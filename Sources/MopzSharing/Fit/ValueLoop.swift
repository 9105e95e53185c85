import MopzBytes

/// Turns plans into stored values, and corrects them until every bound holds.
struct ValueLoop: Sendable {
  let family: FitFamily
  let options: FitOptions
  let allocation: ErrorAllocation

  private static let correctionMax = 6

  /// The values of a plan.
  func fitted(_ groups: [GroupPlan]) throws(FitError) -> FittedFamily {
    let pools = try options.threads.map(groups.count) {
      (index) throws(FitError) in groups[index].pool?.rounded()
    }
    let measured = try options.threads.map(groups.count) {
      (index) throws(FitError) in
      try check()
      return try rounded(groups[index], pools[index])
    }
    var plans = [ItemPlan](repeating: ItemPlan(alone: []), count: family.items.count)
    var groupOf = [Int](repeating: 0, count: plans.count)
    for (index, group) in groups.enumerated() {
      for (member, plan) in zip(group.members, measured[index]) {
        (plans[member], groupOf[member]) = (plan, index)
      }
    }
    var fitted = FittedFamily(
      pools: pools, groups: groupOf,
      items: [FittedItem](repeating: FittedItem(), count: plans.count))
    let poolBytes = groups.reduce(0) { $0 + $1.poolBytes }
    var state = Correction(bounds: allocation.bounds, count: family.adapters.count)
    for round in 0..<Self.correctionMax {
      let prices = allocation.prices(plans, poolBytes: poolBytes, bounds: state.bounds)
      let results = try options.threads.map(groups.count) {
        [state, fitted, plans] (index) throws(FitError) in
        try values(
          groups[index], pools[index], plans, prices, state.isOpen, round == 0 ? nil : fitted)
      }
      options.progress?(
        FitProgress(stage: "storing values", done: round + 1, total: Self.correctionMax))
      for (group, values) in zip(groups, results) {
        for (member, value) in zip(group.members, values) { fitted.items[member] = value }
      }
      guard case .maxError(let bound) = options.goal else { break }
      if !correct(&state, &fitted, bound: bound, isLast: round == Self.correctionMax - 1) { break }
    }
    return fitted
  }

  private struct Correction {
    /// The bounds that the allocation is given, so that the errors come out at the user's.
    var bounds: [Double]
    /// Whether a task's values are to be worked out.
    var isOpen: [Bool]
    /// The smallest fit of each task that holds.
    var best: [(bytes: Int, items: [FittedItem])?]

    init(bounds: [Double], count: Int) {
      self.bounds = bounds
      isOpen = [Bool](repeating: true, count: count)
      best = Array(repeating: nil, count: count)
    }
  }

  /// Keeps the smallest values that hold, and moves the bounds of those that miss or have room.
  ///
  /// - Returns: Whether another round is needed.
  private func correct(
    _ state: inout Correction, _ fitted: inout FittedFamily, bound: Double, isLast: Bool
  ) -> Bool {
    for (task, items) in family.taskItems.enumerated() where state.isOpen[task] {
      let found = FitExcess(of: items, items.map { fitted.items[$0] }, family, options)
      let excess = found.value
      if excess <= 1 {
        let bytes = items.reduce(0) { $0 + byteCount(fitted.items[$1], $1) }
        if bytes < state.best[task]?.bytes ?? .max {
          state.best[task] = (bytes, items.map { fitted.items[$0] })
        }
      }
      let hasRoom = excess < 0.97 && found.error > 0 && state.bounds[task] < 1.2 * bound
      let isMissed = excess > 1 && excess.isFinite
      state.isOpen[task] = !isLast && (isMissed || hasRoom)
      if isMissed {
        state.bounds[task] *= 0.995 / excess
      } else if hasRoom {
        state.bounds[task] *= min(0.995 / excess, 1.1)
      }
    }
    let isFinished = !state.isOpen.contains(true)
    if isFinished || isLast {
      for (task, best) in state.best.enumerated() {
        guard let best else { continue }
        for (item, values) in zip(family.taskItems[task], best.items) {
          fitted.items[item] = values
        }
      }
    }
    return !isFinished
  }

  private func byteCount(_ item: FittedItem, _ index: Int) -> Int {
    let (outWidth, inWidth) = (family.items[index].outWidth, family.items[index].inWidth)
    return item.types.reduce(item.types.isEmpty ? 0 : RecordCosts.privateTerm) {
      $0 + $1.byteCount(length: outWidth) + $1.byteCount(length: inWidth)
    }
  }

  private func check() throws(FitError) {
    do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
  }

  /// The plans with the spectra that the rounded pools and cores leave.
  private func rounded(_ group: GroupPlan, _ pool: PublicPool?) throws(FitError) -> [ItemPlan] {
    let fit = ValueFit(family, pool)
    var plans: [ItemPlan] = []
    for (member, plan) in zip(group.members, group.plans) {
      var plan = plan
      plan.energies = try fit.energies(member, plan.use)
      plan.error = 0
      plans.append(plan)
    }
    return plans
  }

  private func values(
    _ group: GroupPlan, _ pool: PublicPool?, _ plans: [ItemPlan], _ prices: [Double],
    _ isOpen: [Bool], _ earlier: FittedFamily?
  ) throws(FitError) -> [FittedItem] {
    let fit = ValueFit(family, pool)
    var result: [FittedItem] = []
    for member in group.members {
      let known = earlier?.items[member]
      if let known, !isOpen[family.items[member].task] {
        result.append(known)
        continue
      }
      try check()
      let plan = plans[member]
      var types: [StoredType] = []
      if options.means.contains(.shardPrivatization) || plan.use == nil {
        let pairs = allocation.pairs(member)
        for energy in plan.energies {
          guard let type = pairs.choice(energy: energy, price: prices[member]) else { break }
          types.append(type)
        }
      }
      // Most updates are the same as in the round before: only prices have moved.
      if let known, known.types == types {
        result.append(known)
      } else {
        result.append(try fit.values(member, plan.use, types: types))
      }
    }
    return result
  }
}
