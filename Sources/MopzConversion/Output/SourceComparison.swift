import MopzAdapters
public import MopzBytes
public import MopzContainer
import MopzTensors

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
    /// Every difference, as findings of severity `error`; and notes.
    public var findings: [Finding] = []
    /// Whether every source has its task, and all are equal.
    public var isEqual: Bool { !findings.contains { $0.severity == .error } }
  }

  private let container: Container
  private let arguments: [SourceArgument]
  private let threads: WorkerThreads

  /// A comparison of a container with sources.
  public init(
    of container: Container, with arguments: [SourceArgument], threads: WorkerThreads = .all
  ) {
    self.container = container
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
      report.findings += part.findings
    }
    let names = Set(sources.map { ExactName($0.name) })
    do throws(ContainerError) {
      report.otherTasks = try container.taskNames().filter { !names.contains(ExactName($0)) }
    } catch {
      throw ConversionError(error)
    }
    return report
  }

  private func compare(_ source: AdapterSource) throws(ConversionError) -> Report {
    var report = Report()
    let imported = try source.imported()
    let task: MappedTask
    do throws(ContainerError) { task = try container.task(named: source.name) } catch {
      guard case .noSuchTask = error else { throw ConversionError(error) }
      report.findings = [
        Refusal(.task, source.name, "the container has no task for \(source.location.quoted)")
          .finding
      ]
      return report
    }
    do throws(ContainerError) {
      var pair = TaskComparison(task: try task.adapter(), source: imported.adapter)
      pair.compare()
      report.findings = pair.findings
      report.byteCount = pair.byteCount
    } catch {
      throw ConversionError(error)
    }
    report.comparedTasks = [source.name]
    return report
  }
}

/// Compares one task with its source.
struct TaskComparison {
  let task: Adapter
  let source: Adapter
  private(set) var findings: [Finding] = []
  private(set) var byteCount = 0

  init(task: Adapter, source: Adapter) {
    self.task = task
    self.source = source
  }

  /// The most differences that are named; more are counted.
  private static let findingCountMax = 20

  mutating func compare() {
    compareFiles()
    compareTensors()
    if task.kind != source.kind {
      differ("the kind is \(task.kind.rawValue), the source's is \(source.kind.rawValue)")
    }
    if updates(task) != updates(source) {
      differ("the updates (modules, ranks, scales) are not those that the source gives")
    }
    let surplus = findings.count - Self.findingCountMax
    if surplus > 0 {
      findings.removeLast(surplus)
      differ("\(surplus) further differences")
    }
  }

  private mutating func differ(_ message: String, tensor: String? = nil) {
    findings.append(Refusal(.difference, task.name, tensor: tensor, message).finding)
  }

  private mutating func compareFiles() {
    let mine = task.files.map(\.name)
    let theirs = source.files.map(\.name)
    guard mine == theirs else {
      return differ("the files are \(mine), the source's are \(theirs)")
    }
    for (a, b) in zip(task.files, source.files) {
      if a.role != b.role || a.headerForm != b.headerForm || a.tensors != b.tensors {
        differ("the file \(a.name.quoted) is of another kind or has other tensors")
      }
      if exact(a.metadata) != exact(b.metadata) {
        differ("the metadata of \(a.name.quoted) differs")
      }
      guard let x = a.block, let y = b.block else {
        if a.block != b.block { differ("the bytes of \(a.name.quoted) are on one side only") }
        continue
      }
      if !hasSameBytes(x, y) { differ("the bytes of \(a.name.quoted) differ") }
    }
  }

  /// Metadata whose strings are compared by their bytes.
  private func exact(_ metadata: [Property]?) -> [[ExactName]]? {
    metadata?.map { [ExactName($0.key), ExactName($0.value)] }
  }

  private mutating func compareTensors() {
    guard task.sourceTensors.count == source.sourceTensors.count else {
      return differ(
        "there are \(task.sourceTensors.count) tensors, the source has "
          + "\(source.sourceTensors.count)")
    }
    for (a, b) in zip(task.sourceTensors, source.sourceTensors) {
      guard ExactName(a.name) == ExactName(b.name) else {
        differ("the source has \(b.name.quoted) in this place", tensor: a.name)
        continue
      }
      guard a.dtype == b.dtype, a.shape == b.shape else {
        differ(
          "is \(a.dtype.code) \(a.shape), the source's is \(b.dtype.code) \(b.shape)",
          tensor: a.name)
        continue
      }
      guard case .block(let x) = a.content, case .block(let y) = b.content else {
        if a.content != b.content { noteFit(of: a.name) }
        continue
      }
      byteCount += task.blocks[x].bytes.count
      if !hasSameBytes(x, y) { differ("the elements differ", tensor: a.name) }
    }
  }

  private mutating func noteFit(of tensor: String) {
    findings.append(
      Refusal(
        .difference, task.name, tensor: tensor,
        "is fitted; only name, type and shape are compared"
      ).finding(.note))
  }

  private func hasSameBytes(_ a: Int, _ b: Int) -> Bool {
    let x = task.blocks[a].bytes
    let y = source.blocks[b].bytes
    return x.span.hasSameBytes(as: y.span)
  }

  /// What an adapter does to each parameter, without the places of its blocks.
  private func updates(_ adapter: Adapter) -> [Update] {
    adapter.targets.map { target in
      Update(
        module: ExactName(target.module), parameter: ExactName(target.parameter),
        naming: target.naming, layout: target.layout, kind: target.kind,
        terms: target.terms.map { term in
          let factors = [term.down, term.up].map { adapter.factors[$0] }
          return [term.scaling] + factors.flatMap { [Double($0.rank), Double($0.width)] }
        },
        operands: target.operands.map(\.role), scalars: target.scalars)
    }
  }

  private struct Update: Hashable {
    var module: ExactName
    var parameter: ExactName
    var naming: ModuleNaming
    var layout: Layout
    var kind: UpdateKind
    var terms: [[Double]]
    var operands: [Operand.Role]
    var scalars: [Scalar]
  }
}
