import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing
import MopzTensors

/// A container's plan of fitted adapters: every candidate of the fit is planned as a finished
/// file, and the best file is taken.
///
/// Under a bound that is the smallest of: the sources as they are, truncations, and pools. Under
/// a budget it is the one with the least error of those that keep it.
struct FittedPlan: Sendable {
  let plan: ContainerPlan
  let report: ConversionReport.Fit

  private struct Candidate: Sendable {
    var adapters: [Adapter]
    var plan: ContainerPlan
    var report: FitReport
    var byteCount: Int { plan.appendedByteCount }
  }

  /// Fits and plans.
  ///
  /// Adapters that were fitted before stay as they are: their sources are not known.
  ///
  /// - Parameter pools: The pools of the container that is added to; each adapter is then
  ///   routed through them by itself. Nil to look for pools that the adapters may share.
  /// - Throws: ``ConversionError``: `.usage` for a bound that makes no sense or a task that is
  ///   not there, `.refused` if the budget cannot be kept.
  init(
    of adapters: [Adapter], _ options: Conversion.Fit, through pools: ContainerPools? = nil,
    threads: WorkerThreads, plan: ([Adapter]) throws(ConversionError) -> ContainerPlan
  ) throws(ConversionError) {
    try Self.checkNames(options.keptApart, in: adapters)
    func planned(_ result: FitResult) throws(ConversionError) -> Candidate {
      let stored = result.adapters.map(options.stored)
      return Candidate(adapters: stored, plan: try plan(stored), report: result.report)
    }
    func prepared(_ adapters: [Adapter]) throws(ConversionError) -> SharingFit {
      try ConversionError.fitting { () throws(FitError) in
        try SharingFit(of: adapters, options.fitOptions(threads), through: pools?.pools)
      }
    }
    let fit = try prepared(adapters)
    let plain = try planned(
      try ConversionError.fitting { () throws(FitError) in try fit.unfitted() })
    var report = ConversionReport.Fit(options: options, plainByteCount: plain.byteCount)
    var best = plain
    if let budget = options.budget {
      if plain.byteCount > budget {
        best = try Self.filling(budget, beside: plain, fit, planned)
      }
    } else if pools == nil {
      best = try Self.smallest(of: fit, beside: plain, planned)
    } else {
      // Each by itself, as if they came one after the other.
      var parts: [Candidate] = []
      for adapter in adapters {
        let fit = try prepared([adapter])
        let own = try planned(
          try ConversionError.fitting { () throws(FitError) in try fit.unfitted() })
        parts.append(try Self.smallest(of: fit, beside: own, planned))
      }
      let stored = parts.flatMap(\.adapters)
      best = Candidate(
        adapters: stored, plan: try plan(stored), report: FitReport(joining: parts.map(\.report)))
      // Together the sources may have more in common than each has with the file.
      if plain.byteCount <= best.byteCount { best = plain }
    }
    report.take(best.report)
    report.findings = (pools?.findings ?? []) + report.findings
    self.plan = best.plan
    self.report = report
  }

  /// The smallest file of a fit's candidates, or the one without it.
  private static func smallest(
    of fit: SharingFit, beside plain: Candidate,
    _ planned: (FitResult) throws(ConversionError) -> Candidate
  ) throws(ConversionError) -> Candidate {
    let results = try ConversionError.fitting { () throws(FitError) in try fit.fitted() }
    var (best, truncated) = (plain, Int?.none)
    for result in results {
      let candidate = try planned(result)
      if candidate.byteCount < best.byteCount { best = candidate }
      if result.report.groups.isEmpty {
        truncated = min(truncated ?? .max, candidate.byteCount)
      }
    }
    // Of a finished file, as that of the best is.
    best.report.truncatedBytes = truncated
    return best
  }

  /// The file with the least error of all that were found to keep a budget.
  ///
  /// Truncations and pools are sought apart, since they differ in what lies beside their values.
  private static func filling(
    _ budget: Int, beside plain: Candidate, _ fit: SharingFit,
    _ planned: (FitResult) throws(ConversionError) -> Candidate
  ) throws(ConversionError) -> Candidate {
    func candidates(
      _ allowance: Int, hasPools: Bool
    ) throws(ConversionError) -> [Candidate] {
      let results = try ConversionError.fitting { () throws(FitError) in
        let fit = try fit.aiming(at: .budget(allowance))
        return hasPools ? [try fit.pooled()].compactMap(\.self) : try fit.truncated()
      }
      var found: [Candidate] = []
      for result in results { found.append(try planned(result)) }
      return found
    }
    var best: Candidate?
    for hasPools in [false, true] {
      var search = BudgetSearch(
        budget: budget, rest: plain.byteCount - plain.report.sourceBytes)
      while let allowance = search.allowance {
        let found = try candidates(allowance, hasPools: hasPools)
        guard let least = found.map(\.byteCount).min() else {
          search.noteNothing()
          continue
        }
        let nearest = found.filter { $0.byteCount <= budget }
          .min { $0.report.meanSquaredError < $1.report.meanSquaredError }
        if let nearest,
          nearest.report.meanSquaredError < best?.report.meanSquaredError ?? .infinity
        {
          best = nearest
        }
        search.note(size: nearest?.byteCount ?? least)
      }
    }
    if let best { return best }
    // The smallest file of all has nothing of what can be left out.
    let empty = try candidates(0, hasPools: false).min { $0.byteCount < $1.byteCount }
    if let empty, empty.byteCount <= budget { return empty }
    throw .refused(
      Refusal(
        .output, "--budget",
        "the budget of \(budget) bytes cannot be kept: the smallest file, of tables and what is "
          + "not fitted, has \(min(plain.byteCount, empty?.byteCount ?? .max))"))
  }

  private static func checkNames(
    _ names: Set<String>, in adapters: [Adapter]
  ) throws(ConversionError) {
    let known = Set(adapters.map { ExactName($0.name) })
    for name in names.sorted() where !known.contains(ExactName(name)) {
      let nearest = NameSuggestions(to: name, among: adapters.map(\.name)).list
      throw .usage(
        "--no-share: there is no task \(name.quoted)"
          + (nearest.isEmpty ? "" : "; similar are \(nearest)"))
    }
  }
}

extension Conversion.Fit {
  /// The fit's own options; a budget's goal is what the search for it says.
  fileprivate func fitOptions(_ threads: WorkerThreads) -> FitOptions {
    let goal: FitGoal =
      if let budget {
        .budget(budget)
      } else { .maxError(maxError ?? maxErrorPerModule ?? Self.defaultMaxError) }
    return FitOptions(
      goal, maxErrorPerModule: maxErrorPerModule, means: means, type: type, keptApart: keptApart,
      threads: threads, progress: progress)
  }

  /// A fitted adapter with the bounds that the user set: a bound for modules holds for the whole
  /// task, but was not set for it.
  fileprivate func stored(_ adapter: Adapter) -> Adapter {
    var result = adapter
    if maxError == nil, maxErrorPerModule != nil { result.fitRecord?.bound = nil }
    return result
  }
}

extension ConversionError {
  /// Calls a fit.
  static func fitting<Result>(
    _ body: () throws(FitError) -> Result
  ) throws(ConversionError) -> Result {
    do throws(FitError) { return try body() } catch {
      switch error {
      case .interrupted(let error): throw .interrupted(error)
      case .goal(let message): throw .usage(message)
      case .content(let task, let module, let reason):
        throw .refused(Refusal(.values, task, "module \(module.quoted): \(reason)"))
      case .numerics:
        throw .refused(Refusal(.fit, "--share fit", error.description))
      }
    }
  }
}
