public import MopzBytes
import MopzContainer
public import SystemPackage

/// What a change of a container did, or would do.
public struct CommitReport: Hashable, Sendable {
  /// The container.
  public var file: FilePath
  /// The tasks that were written, in the order of their names.
  public var tasks: [ConversionReport.Task] = []
  /// The names of tasks that the container did not have before.
  public var added: [String] = []
  /// The names of tasks that took the place of others.
  public var replaced: [String] = []
  /// The names of tasks that are gone.
  public var removed: [String] = []
  /// The number of tasks now.
  public var taskCount: Int
  /// The number of the commit now.
  public var generation: UInt64
  /// The bytes of the file before.
  public var previousByteCount: Int
  /// The bytes of the file now.
  public var fileByteCount: Int
  /// The bytes that were written to the end of the file.
  public var appendedByteCount: Int
  /// The bytes of new tasks' blocks that need not be written, since equal ones are stored.
  public var savedByteCount: Int
  /// The bytes of the file that no task uses; compacting frees them.
  public var deadByteCount: Int
  /// What exact sharing did; nil if it was not asked for.
  public var sharing: ConversionReport.Sharing?
  /// What a fit did, in bytes that are appended; nil if none was asked for.
  public var fit: ConversionReport.Fit?
  /// What was noticed on the way.
  public var findings: [Finding]

  init(of plan: ContainerPlan, onto container: Container, at file: FilePath) {
    self.file = file
    taskCount = plan.taskCount
    generation = plan.generation
    previousByteCount = container.fileByteCount
    fileByteCount = plan.committedByteCount
    appendedByteCount = plan.appendedByteCount
    savedByteCount = plan.savedByteCount
    deadByteCount = plan.deadByteCount
    findings = container.findings
  }
}
