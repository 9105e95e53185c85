public import MopzAdapters
public import MopzBytes
import MopzContainer
public import MopzSafetensors
import MopzTensors
public import SystemPackage

/// Puts adapters of any readable form into one new container.
///
/// ```swift
/// let sources = [try SourceArgument("support-de=adapters/de")]
/// let report = try Conversion(of: sources, to: "family.mopz").run()
/// ```
///
/// The same adapters give the same bytes, whatever their order and the number of
/// threads.
public struct Conversion: Sendable {
  /// What a conversion may be told.
  public struct Options: Sendable {
    /// The base that all adapters were made for; its record is stored with each.
    public var base: Checkpoint?
    /// Whether a file that stands at the output's path may be replaced.
    public var force: Bool
    /// Who reads and hashes.
    public var threads: WorkerThreads
    /// Whether to look for values that a merge would refuse.
    public var checksValues: Bool

    /// Options; by default no base, nothing replaced, all threads.
    public init(
      base: Checkpoint? = nil, force: Bool = false, threads: WorkerThreads = .all,
      checksValues: Bool = true
    ) {
      self.base = base
      self.force = force
      self.threads = threads
      self.checksValues = checksValues
    }
  }

  private let arguments: [SourceArgument]
  private let output: FilePath
  private let options: Options

  /// A conversion of sources to a file.
  public init(of arguments: [SourceArgument], to output: FilePath, options: Options = Options()) {
    self.arguments = arguments
    self.output = output
    self.options = options
  }

  /// Reads the adapters and writes the container.
  ///
  /// - Parameter isDryRun: Whether everything is read and planned, and nothing written.
  /// - Throws: ``ConversionError``; nothing is left behind then.
  /// - Complexity: O(bytes); memory for tables, not for tensors, which stay mapped.
  public func run(isDryRun: Bool = false) throws(ConversionError) -> ConversionReport {
    try refuseExistingOutput()
    var imported = try self.imported()
    try recordBase(&imported)
    var report = ConversionReport(output: output)
    report.findings = imported.flatMap(\.findings)
    if let base = options.base {
      report.findings += try BaseCheck(base: base).findings(
        of: imported.map(\.adapter), options.threads)
    }
    if options.checksValues { report.findings += valueFindings(imported) }
    let plan: ContainerPlan
    do throws(ContainerError) {
      plan = try ContainerPlan(of: imported.map(\.adapter), threads: options.threads)
    } catch {
      throw ConversionError(error)
    }
    report.fill(from: imported, plan)
    if !isDryRun { try write(plan) }
    return report
  }

  private func refuseExistingOutput() throws(ConversionError) {
    let output = self.output
    let isTaken = try ConversionError.system { () throws(SystemError) in try output.exists() }
    if isTaken && !options.force {
      throw .system(SystemError(operation: "create", path: output, errno: .fileExists))
    }
  }

  private func imported() throws(ConversionError) -> [ImportedAdapter] {
    let sources = try arguments.sources()
    guard !sources.isEmpty else {
      throw .refused(Refusal(.source, output.string, "there is no adapter to convert"))
    }
    return try options.threads.map(sources.count) { (index) throws(ConversionError) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      return try sources[index].imported()
    }
  }

  /// Stores the base's record with every adapter.
  private func recordBase(_ imported: inout [ImportedAdapter]) throws(ConversionError) {
    guard let base = options.base else { return }
    guard let record = BaseRecord(of: base) else {
      throw .refused(Refusal(.base, base.path.string, "names a tensor twice"))
    }
    for index in imported.indices {
      if let earlier = imported[index].adapter.baseRecord, earlier != record {
        let first = earlier.differences(from: record, limit: 3).joined(separator: "; ")
        throw .refused(
          Refusal(
            .base, imported[index].adapter.name,
            "was recorded for another base than \(base.path.string.quoted): \(first)"))
      }
      imported[index].adapter.setBaseRecord(record)
    }
  }

  private func valueFindings(_ imported: [ImportedAdapter]) -> [Finding] {
    options.threads.map(imported.count) { ValueCheck.findings(of: imported[$0].adapter) }
      .flatMap(\.self)
  }

  private func write(_ plan: ContainerPlan) throws(ConversionError) {
    let output = self.output
    let force = options.force
    var file = try ConversionError.system { () throws(SystemError) in
      let file = try AtomicFile(creating: output, force: force)
      try file.file.reserve(byteCount: plan.committedByteCount)
      return file
    }
    do throws(ContainerError) { try plan.write(to: &file.file) } catch {
      throw ConversionError(error)
    }
    do throws(SystemError) { try file.commit() } catch { throw .system(error) }
  }
}

extension BaseRecord {
  /// The record of a checkpoint; nil if it names a tensor twice.
  public init?(of checkpoint: Checkpoint) {
    self.init(architecture: checkpoint.architecture ?? "", tensors: checkpoint.infos)
  }
}
