import MopzAdapters
public import MopzBytes
public import MopzContainer
import MopzTensors
public import SystemPackage

/// Compares the tasks of a container with the sources that they came from.
///
/// Pairs them by name. A task is equal to its source if every tensor is there, in
/// order, with name, type, shape and bytes, and metadata, header and configuration are
/// the same; and if its updates are those that the source gives today.
public struct SourceComparison: Sendable {
  /// What a comparison found.
  public struct Report: Hashable, Sendable {
    /// The tasks that were compared, in the order of their names.
    public var comparedTasks: [String] = []
    /// The tasks that no source was given for.
    public var otherTasks: [String] = []
    /// The bytes of tensors that were compared.
    public var byteCount = 0
    /// The fitted ones among the compared tasks, with their errors.
    public var fits: [FittedTask] = []
    /// Every difference, as findings of severity `error`; and notes.
    public var findings: [Finding] = []
    /// Whether every source has its task, and all are equal.
    public var isEqual: Bool { !findings.contains { $0.severity == .error } }
  }

  private let container: Container
  private let file: String
  private let arguments: [SourceArgument]
  private let threads: WorkerThreads

  /// A comparison of a container with sources.
  ///
  /// - Parameter file: What errors call the container.
  public init(
    of container: Container, in file: FilePath, with arguments: [SourceArgument],
    threads: WorkerThreads = .all
  ) {
    self.container = container
    self.file = file.string
    self.arguments = arguments
    self.threads = threads
  }

  /// Reads both sides.
  ///
  /// - Throws: ``ConversionError`` if a source or a task cannot be read at all.
  /// - Complexity: O(bytes of both).
  public func run() throws(ConversionError) -> Report {
    let sources = try arguments.sources()
    let parts = try threads.map(sources.count) { (index) throws(ConversionError) in
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      return try compare(sources[index])
    }
    var report = Report()
    for part in parts {
      report.comparedTasks += part.comparedTasks
      report.byteCount += part.byteCount
      report.fits += part.fits
      report.findings += part.findings
    }
    let names = Set(sources.map { ExactName($0.name) })
    do throws(ContainerError) {
      report.otherTasks = try container.taskNames().filter { !names.contains(ExactName($0)) }
    } catch {
      throw ConversionError(error, in: file)
    }
    return report
  }

  private func compare(_ source: AdapterSource) throws(ConversionError) -> Report {
    var report = Report()
    let imported = try source.imported()
    let task: MappedTask
    do throws(ContainerError) { task = try container.task(named: source.name) } catch {
      guard case .noSuchTask = error else { throw ConversionError(error, in: file) }
      report.findings = [
        Refusal(.task, source.name, "the container has no task for \(source.location.quoted)")
          .finding
      ]
      return report
    }
    let adapter: Adapter
    do throws(ContainerError) { adapter = try task.adapter() } catch {
      throw ConversionError(error, in: file)
    }
    if adapter.isFitted && !imported.adapter.isFitted {
      var pair = FittedComparison(task: adapter, source: imported.adapter)
      pair.compare()
      report.findings = pair.findings
      report.byteCount = pair.byteCount
      report.fits = pair.fit.map { [$0] } ?? []
    } else {
      var pair = TaskComparison(task: adapter, source: imported.adapter)
      pair.compare()
      report.findings = pair.findings
      report.byteCount = pair.byteCount
    }
    report.comparedTasks = [source.name]
    return report
  }
}
