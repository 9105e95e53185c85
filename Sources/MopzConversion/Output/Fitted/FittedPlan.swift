import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing
import MopzTensors

/// A container's plan of fitted adapters: fitted, put into the form in which they are stored,
/// planned, and with a budget tried again until the file is small enough.
struct FittedPlan: Sendable {
  let plan: ContainerPlan
  let report: ConversionReport.Fit

  /// Fits and plans.
  ///
  /// Adapters that were fitted before stay as they are: their sources are not known.
  ///
  /// - Parameter pools: The pools of the container that is added to; each adapter is then
  ///   routed through them by itself. Nil to look for pools that the adapters may share.
  /// - Throws: ``ConversionError``: `.usage` for a bound that makes no sense or a task that is
  ///   not there, `.refused` if the budget cannot be kept.
  init(
    of adapters: [Adapter], _ fit: Conversion.Fit, through pools: ContainerPools? = nil,
    threads: WorkerThreads, plan: ([Adapter]) throws(ConversionError) -> ContainerPlan
  ) throws(ConversionError) {
    try Self.checkNames(fit.keptApart, in: adapters)
    var report = ConversionReport.Fit(
      options: fit, plainByteCount: try plan(adapters).appendedByteCount)
    for finding in pools?.findings ?? [] { report.keep(finding) }
    let places = adapters.indices.filter { place in
      if adapters[place].isFitted {
        report.keep(Self.note(adapters[place], "was fitted before; it is kept as it is"))
        return false
      }
      if adapters[place].factorNames == nil {
        report.keep(
          Self.note(
            adapters[place],
            "has no factors, or their names follow no one rule; it is kept as it is"))
        return false
      }
      return true
    }
    let sources = places.map { adapters[$0] }
    func attempt(
      _ goal: FitGoal
    ) throws(ConversionError) -> (plan: ContainerPlan, report: FitReport) {
      let result = try ConversionError.fitting { () throws(FitError) in
        let options = fit.options(goal, threads)
        guard let pools else { return try SharingFit(of: sources, options).run() }
        return try RoutedFit(of: sources, options, through: pools.pools).run()
      }
      var stored = adapters
      for (index, place) in places.enumerated() {
        stored[place] = fit.stored(result.adapters[index], result.report, sources[index])
      }
      return (try plan(stored), result.report)
    }
    let best: (plan: ContainerPlan, report: FitReport)
    if let budget = fit.budget {
      let rest = report.plainByteCount - FittedTensorBytes.sum(of: sources)
      best = try Self.filling(budget, rest: rest, attempt)
    } else {
      best = try attempt(.maxError(fit.effectiveMaxError))
    }
    report.take(best.report)
    self.plan = best.plan
    self.report = report
  }

  /// The largest file found that keeps a budget.
  private static func filling(
    _ budget: Int, rest: Int,
    _ attempt: (FitGoal) throws(ConversionError) -> (plan: ContainerPlan, report: FitReport)
  ) throws(ConversionError) -> (plan: ContainerPlan, report: FitReport) {
    var search = BudgetSearch(budget: budget, rest: rest)
    var best: (plan: ContainerPlan, report: FitReport)?
    while let allowance = search.allowance {
      let found = try attempt(.budget(allowance))
      if search.note(size: found.plan.committedByteCount) { best = found }
    }
    if let best { return best }
    throw .refused(
      Refusal(
        .output, "--budget",
        "the budget of \(budget) bytes cannot be kept: the smallest file found has "
          + "\(search.smallest), most of it tables and what is not fitted"))
  }

  private static func note(_ adapter: Adapter, _ message: String) -> Finding {
    Refusal(.fit, adapter.name, message).finding(.note)
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

/// The bytes of the source tensors that a fit may replace.
private enum FittedTensorBytes {
  static func sum(of adapters: [Adapter]) -> Int {
    adapters.reduce(0) { sum, adapter in
      var blocks: Set<Int> = []
      for target in adapter.targets where target.kind == .additive {
        for factor in target.terms.flatMap({ [$0.down, $0.up] }) {
          blocks.formUnion(adapter.pools[adapter.factors[factor].pool].ranges.map(\.block))
        }
      }
      return sum + blocks.reduce(0) { $0 + adapter.blocks[$1].bytes.count }
    }
  }
}

extension Conversion.Fit {
  /// The bound that holds where no budget is set.
  fileprivate var effectiveMaxError: Double {
    maxError ?? maxErrorPerModule ?? Self.defaultMaxError
  }

  /// The fit's own options.
  fileprivate func options(_ goal: FitGoal, _ threads: WorkerThreads) -> FitOptions {
    FitOptions(
      goal, maxErrorPerModule: maxErrorPerModule, means: means, type: type, keptApart: keptApart,
      threads: threads, progress: progress)
  }

  /// A fitted adapter in the form in which it is stored.
  fileprivate func stored(
    _ adapter: Adapter, _ report: FitReport, _ source: Adapter
  ) -> Adapter {
    guard adapter.isFitted, let names = source.factorNames,
      let task = report.tasks.first(where: { ExactName($0.name) == ExactName(source.name) })
    else { return source }
    let bound = maxErrorPerModule == nil ? maxError ?? Self.defaultMaxError : maxError
    return adapter.droppingFittedSources(
      FitRecord(
        error: task.error, bound: budget == nil ? bound : nil, moduleBound: maxErrorPerModule,
        names: names.pattern))
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
