import MopzAdapters
import MopzBytes
import MopzContainer
import SystemPackage

extension ContainerChange {
  /// Adds the adapters of sources.
  ///
  /// With `.exact` rows and columns that equal shards of the container's exact pools are taken
  /// from there, where that saves bytes; nothing is lost.
  ///
  /// With `.fit` each adapter is routed, by itself, through the pools that the container's
  /// fitted tasks use, which stay as they are; what they cannot give becomes private shards.
  /// No new pools are made. Without a bound of its own the fit keeps the strictest that a task
  /// of the container records. Fitted tasks are measured as they will be read before the commit
  /// counts, and one that misses its bound changes nothing.
  ///
  /// - Parameters:
  ///   - arguments: The sources.
  ///   - intake: What reading them may be told.
  ///   - replaces: Whether an adapter takes the place of a task that has its name.
  ///   - progress: Is told how far the writing is.
  /// - Throws: ``ConversionError``; the container then stands as it was.
  /// - Complexity: O(bytes of the sources + tasks); if tasks are replaced or pools are looked
  ///   for, also O(bytes of all records).
  /// - Specification: §12.2 and §12.3 of `spec/mopz.md`.
  public func add(
    _ arguments: [SourceArgument], _ intake: Conversion.Options, replaces: Bool = false,
    progress: Progress = { _, _ in }
  ) throws(ConversionError) -> CommitReport {
    try refuseMissingFile()
    let sharing = intake.sharing
    if case .fit(let fit) = sharing, fit.budget != nil {
      throw .usage(
        "--budget goes with convert: the bytes of a new task follow from the pools that the file "
          + "has and from the bound; set --max-error")
    }
    let read = try AdapterIntake(of: arguments, intake)
    guard !read.adapters.isEmpty else {
      throw .refused(Refusal(.source, path.string, "there is no adapter to add"))
    }
    let adapters = read.adapters.map(\.adapter)
    return try commit(
      progress,
      checking: { (container, report) throws(ConversionError) in
        guard report.fit != nil else { return }
        report.fit?.measured = try FittedTask.measured(
          in: container, at: path, against: adapters, options.threads)
      }
    ) { (container) throws(ConversionError) in
      let taken = try names(of: adapters, takenIn: container)
      if let name = taken.first, !replaces { throw takenName(name, of: taken.count) }
      let (shared, findings) = try plan(
        of: adapters, sharing, removing: taken, onto: container)
      var report = CommitReport(of: shared.plan, onto: container, at: path)
      report.tasks = read.adapters.map { ConversionReport.Task($0) }
      let replaced = Set(taken.map(ExactName.init))
      report.added = adapters.map(\.name).filter { !replaced.contains(ExactName($0)) }
      report.replaced = taken
      report.sharing = shared.sharing
      report.fit = shared.fit
      report.findings += read.findings + findings + (shared.fit?.findings ?? [])
      return (shared.plan, report)
    }
  }

  /// The plan of adapters that are added, in the form that takes the fewest bytes.
  private func plan(
    of adapters: [Adapter], _ sharing: Conversion.Sharing?, removing names: [String],
    onto container: Container
  ) throws(ConversionError) -> (shared: SharedPlan, findings: [Finding]) {
    var sharing = sharing
    var pools: ContainerPools?
    var shards: ContainerShards?
    switch sharing {
    case nil: break
    case .exact:
      shards = try ContainerShards(of: container, without: names, for: adapters, options.threads)
    case .fit(let fit):
      let found = try ContainerPools(
        of: container, without: names, for: adapters, options.threads)
      sharing = .fit(found.completing(fit))
      pools = found
    }
    let plan = try SharedPlan(
      of: adapters, sharing, through: pools, beside: shards?.blocks ?? [],
      threads: options.threads
    ) { (adapters) throws(ConversionError) in
      try ConversionError.container(at: path) { () throws(ContainerError) in
        try ContainerPlan(
          onto: container, adding: adapters, removing: names, compression: compression,
          threads: options.threads)
      }
    }
    return (plan, shards?.findings ?? [])
  }

  /// Removes tasks; all of them may be removed.
  ///
  /// - Parameters:
  ///   - names: The tasks.
  ///   - progress: Is told how far the writing is.
  /// - Throws: ``ConversionError``, for an unknown task with the names that are similar; the
  ///   container then stands as it was.
  /// - Complexity: O(bytes of all records).
  public func remove(
    _ names: [String], progress: Progress = { _, _ in }
  ) throws(ConversionError) -> CommitReport {
    try commit(progress) { (container) throws(ConversionError) in
      let removed = Set(names.map(ExactName.init)).sorted().map(\.string)
      for name in removed {
        let isThere = try ConversionError.container(at: path) { () throws(ContainerError) in
          try container.hasTask(named: name)
        }
        guard isThere else { throw container.refusal(ofTask: name, in: path) }
      }
      let plan = try ConversionError.container(at: path) { () throws(ContainerError) in
        try ContainerPlan(
          onto: container, adding: [], removing: removed, threads: options.threads)
      }
      var report = CommitReport(of: plan, onto: container, at: path)
      report.removed = removed
      return (plan, report)
    }
  }

  private func refuseMissingFile() throws(ConversionError) {
    let exists = try ConversionError.system { () throws(SystemError) in try path.exists() }
    guard !exists else { return }
    throw .refused(
      Refusal(
        .output, path.string,
        "does not exist; create it with: mopctl convert SOURCE… -o \(path.string)"))
  }

  private func names(
    of adapters: [Adapter], takenIn container: Container
  ) throws(ConversionError) -> [String] {
    var taken: [String] = []
    for adapter in adapters {
      let isTaken = try ConversionError.container(at: path) { () throws(ContainerError) in
        try container.hasTask(named: adapter.name)
      }
      if isTaken { taken.append(adapter.name) }
    }
    return taken
  }

  private func takenName(_ name: String, of count: Int) -> ConversionError {
    .refused(
      Refusal(
        .taskName, path.string,
        "has a task \(name.quoted) already"
          + (count > 1 ? ", and \(count - 1) more of these names" : "")
          + "; replace it with --replace, or give another name as NAME=PATH"))
  }
}
