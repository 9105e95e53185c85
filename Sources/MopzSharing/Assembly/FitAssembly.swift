import MopzAdapters
import MopzBytes
import MopzLinearAlgebra
import MopzTensors

/// Makes adapters of fitted values, and measures them against their sources.
struct FitAssembly: Sendable {
  private let family: FitFamily
  private let options: FitOptions
  /// Nil to leave all sources as they are.
  private let fitted: FittedFamily?
  /// The blocks of each group's pools, by type.
  private let pools: [PoolBlocks?]

  init(_ family: FitFamily, _ options: FitOptions, _ fitted: FittedFamily?) {
    self.family = family
    self.options = options
    self.fitted = fitted
    pools = fitted?.pools.map { $0.map { PoolBlocks($0) } } ?? []
  }

  /// The adapters and the report.
  func result() throws(FitError) -> FitResult {
    let tasks = try options.threads.map(family.adapters.count) {
      (task) throws(FitError) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      return try assembled(task)
    }
    var used = fitted ?? FittedFamily(alone: family.items.count)
    for (task, assembled) in zip(family.taskItems, tasks) where assembled.report.isExact {
      for item in task { used.items[item] = FittedItem() }
    }
    var bytes = used.bytes(family)
    for (task, assembled) in zip(family.taskItems, tasks) where assembled.report.isExact {
      bytes.exact += task.reduce(0) { $0 + family.items[$1].sourceBytes }
      bytes.records += task.count * (RecordCosts.privateTerm + RecordCosts.sourceTensors)
    }
    let report = FitReport(
      tasks: tasks.map(\.report), groups: groups(used), bytes: bytes,
      sourceBytes: family.items.reduce(0) { $0 + $1.sourceBytes }, truncatedBytes: nil,
      findings: family.findings + tasks.compactMap(\.finding))
    return FitResult(adapters: tasks.map(\.adapter), report: report)
  }

  private struct Assembled: Sendable {
    var adapter: Adapter
    var report: FitReport.Task
    var finding: Finding?
  }

  private var bound: Double? {
    guard case .maxError(let bound) = options.goal else { return nil }
    return bound
  }

  /// One task: fitted, or as it was if the fit misses a bound or saves nothing.
  private func assembled(_ task: Int) throws(FitError) -> Assembled {
    let source = family.adapters[task]
    let members = family.taskItems[task]
    guard !members.isEmpty else {
      return Assembled(adapter: source, report: report(task, nil))
    }
    guard let fitted else { return kept(task, "no fit is smaller than the source") }
    var writer = TaskWriter(source, members.map { family.items[$0].target })
    for item in members {
      writer.add(
        fitted.items[item], family.items[item],
        fitted.pools[fitted.groups[item]], pools[fitted.groups[item]])
    }
    var adapter = writer.finish()
    let errors = try measured(adapter, against: source)
    // Without a bound the bytes are the user's to spend, and a baseline's are what they are.
    let sourceBytes = members.reduce(0) {
      $0 + family.items[$1].sourceBytes + RecordCosts.privateTerm + RecordCosts.sourceTensors
    }
    let isMissed =
      errors.error > bound ?? .infinity
      || errors.modules.contains { $0.error > options.maxErrorPerModule ?? .infinity }
    guard !isMissed else { return kept(task, "no fit meets the bound") }
    guard bound == nil || fitted.bytes(of: members, family) < sourceBytes else {
      return kept(task, "no fit is smaller than the source")
    }
    for (item, module) in zip(members, errors.modules) {
      adapter.targets[family.items[item].target].relativeError = module.error
    }
    return Assembled(
      adapter: adapter.droppingFittedSources(
        FitRecord(
          error: errors.error, bound: bound, moduleBound: options.maxErrorPerModule,
          names: source.factorNames?.pattern ?? "")),
      report: report(task, errors))
  }

  /// A task as it was.
  private func kept(_ task: Int, _ reason: String) -> Assembled {
    let source = family.adapters[task]
    return Assembled(
      adapter: source, report: report(task, nil),
      finding: Finding(
        severity: .note, rule: "FIT", where: source.name,
        message: reason + "; its tensors are kept"))
  }

  private func measured(
    _ adapter: Adapter, against source: Adapter
  ) throws(FitError) -> FitErrors {
    do throws(FitErrors.Flaw) { return try FitErrors(of: adapter, against: source) } catch {
      throw .content(task: source.name, module: error.module, reason: error.reason)
    }
  }

  /// What became of a task.
  ///
  /// - Parameter errors: Nil if the source's tensors are kept.
  private func report(_ task: Int, _ errors: FitErrors?) -> FitReport.Task {
    let modules = family.taskItems[task].enumerated().map { place, item in
      let values = errors == nil ? nil : fitted?.items[item]
      return FitReport.Module(
        name: family.adapters[task].targets[family.items[item].target].module,
        error: errors?.modules[place].error ?? 0, upCount: values?.use?.rows.count ?? 0,
        downCount: values?.use?.columns.count ?? 0, privateRank: values?.types.count ?? 0)
    }
    return FitReport.Task(
      name: family.adapters[task].name, error: errors?.error ?? 0, bound: bound,
      isExact: errors == nil, modules: modules)
  }

  private func groups(_ used: FittedFamily) -> [FitReport.Group] {
    var members: [Int: [Int]] = [:]
    for (item, group) in used.groups.enumerated() where used.items[item].use != nil {
      members[group, default: []].append(item)
    }
    return members.sorted { $0.key < $1.key }.compactMap { group, items in
      guard let pool = used.pools[group] else { return nil }
      let names = Set(
        items.map { item in
          family.adapters[family.items[item].task].targets[family.items[item].target].module
        })
      return FitReport.Group(
        modules: names.sorted(), updateCount: items.count, upCount: pool.up.rows,
        upChunks: pool.upChunks, downCount: pool.down.rows, downChunks: pool.downChunks)
    }
  }
}
