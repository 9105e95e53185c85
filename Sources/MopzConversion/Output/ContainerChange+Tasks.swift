import MopzAdapters
import MopzBytes
import MopzContainer
import SystemPackage

extension ContainerChange {
  /// Adds the adapters of sources.
  ///
  /// - Parameters:
  ///   - arguments: The sources.
  ///   - intake: What reading them may be told.
  ///   - replaces: Whether an adapter takes the place of a task that has its name.
  ///   - progress: Is told how far the writing is.
  /// - Throws: ``ConversionError``; the container then stands as it was.
  /// - Complexity: O(bytes of the sources + tasks); if tasks are replaced, also O(bytes of all
  ///   records).
  public func add(
    _ arguments: [SourceArgument], _ intake: Conversion.Options, replaces: Bool = false,
    progress: Progress = { _, _ in }
  ) throws(ConversionError) -> CommitReport {
    try refuseMissingFile()
    return try commit(progress) { (container) throws(ConversionError) in
      let intake = try AdapterIntake(of: arguments, intake)
      guard !intake.adapters.isEmpty else {
        throw .refused(Refusal(.source, path.string, "there is no adapter to add"))
      }
      let adapters = intake.adapters.map(\.adapter)
      let taken = try names(of: adapters, takenIn: container)
      if let name = taken.first, !replaces { throw takenName(name, of: taken.count) }
      let plan = try ConversionError.container(at: path) { () throws(ContainerError) in
        try ContainerPlan(
          onto: container, adding: adapters, removing: taken, compression: compression,
          threads: options.threads)
      }
      var report = CommitReport(of: plan, onto: container, at: path)
      report.tasks = intake.adapters.map { ConversionReport.Task($0) }
      let replaced = Set(taken.map(ExactName.init))
      report.added = adapters.map(\.name).filter { !replaced.contains(ExactName($0)) }
      report.replaced = taken
      report.findings += intake.findings
      return (plan, report)
    }
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
