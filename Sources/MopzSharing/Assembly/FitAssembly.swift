import MopzAdapters
import MopzBytes
import MopzLinearAlgebra
import MopzTensors

/// Makes adapters of fitted values, and measures them against their sources.
struct FitAssembly: Sendable {
  private let family: FitFamily
  private let options: FitOptions
  private let fitted: FittedFamily
  /// The blocks of each group's pools, by type.
  private let pools: [PoolBlocks?]
  private let items: [[Int]]

  init(_ family: FitFamily, _ options: FitOptions, _ fitted: FittedFamily) {
    self.family = family
    self.options = options
    self.fitted = fitted
    pools = fitted.pools.map { $0.map { PoolBlocks($0) } }
    var items = [[Int]](repeating: [], count: family.adapters.count)
    for (index, item) in family.items.enumerated() { items[item.task].append(index) }
    self.items = items
  }

  /// The adapters and the report.
  func result() throws(FitError) -> FitResult {
    let tasks = try options.threads.map(family.adapters.count) {
      (task) throws(FitError) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      return try assembled(task)
    }
    var used = fitted
    for (task, assembled) in zip(items, tasks) where assembled.report.isExact {
      for item in task { used.items[item] = FittedItem() }
    }
    var bytes = used.bytes(family)
    for (task, assembled) in zip(items, tasks) where assembled.report.isExact {
      bytes.exact += task.reduce(0) { $0 + family.items[$1].sourceBytes }
      bytes.records += task.count * RecordCosts.privateTerm
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

  /// One task: fitted, or as it was if the fit misses a bound.
  private func assembled(_ task: Int) throws(FitError) -> Assembled {
    let source = family.adapters[task]
    let members = items[task]
    var report = FitReport.Task(
      name: source.name, error: 0, bound: bound, isExact: false, modules: [])
    guard !members.isEmpty else { return Assembled(adapter: source, report: report) }
    var writer = TaskWriter(source, members.map { family.items[$0].target })
    for item in members {
      writer.add(
        fitted.items[item], family.items[item],
        fitted.pools[fitted.groups[item]], pools[fitted.groups[item]])
    }
    var rewriter = writer.finish()
    let errors = try ReachedError.errors(
      of: rewriter.adapter, against: source, targets: members.map { family.items[$0].target })
    let isMissed =
      errors.whole > bound ?? .infinity
      || options.maxErrorPerModule.map { limit in errors.targets.contains { $0 > limit } } ?? false
    // Without a bound the bytes are the user's to spend, and a baseline's are what they are.
    let sourceBytes = members.reduce(0) {
      $0 + family.items[$1].sourceBytes + RecordCosts.privateTerm
    }
    let isExact =
      isMissed || bound != nil && fitted.bytes(of: members, family) >= sourceBytes
    report.isExact = isExact
    report.error = isExact ? 0 : errors.whole
    for (item, error) in zip(members, errors.targets) {
      let values = fitted.items[item]
      report.modules.append(
        FitReport.Module(
          name: source.targets[family.items[item].target].module, error: isExact ? 0 : error,
          upCount: isExact ? 0 : values.use?.rows.count ?? 0,
          downCount: isExact ? 0 : values.use?.columns.count ?? 0,
          privateRank: isExact ? 0 : values.types.count))
      rewriter.set(
        Scalar(role: .relativeError, value: error), of: family.items[item].target)
    }
    guard !isExact else {
      return Assembled(
        adapter: source, report: report,
        finding: Finding(
          severity: .note, rule: "FIT", where: source.name,
          message: isMissed
            ? "no fit meets the bound; the source's tensors are kept"
            : "no fit is smaller than the source; its tensors are kept"))
    }
    rewriter.record("mopz.fit.error", "\(errors.whole)")
    if let bound { rewriter.record("mopz.fit.bound", "\(bound)") }
    return Assembled(adapter: rewriter.adapter, report: report)
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
