import MopzAdapters
public import MopzBytes
import MopzContainer
public import MopzSharing
import MopzTensors
public import SystemPackage

/// What a conversion did, or would do.
public struct ConversionReport: Hashable, Sendable {
  /// A task that was written.
  public struct Task: Hashable, Sendable {
    public var name: String
    /// The tag, such as `lora`.
    public var kind: String
    /// Whether merge knows what the tensors do.
    public var isMergeable: Bool
    /// Where it came from.
    public var location: String
    public var rankMax: Int
    /// The number of parameters of the base that the task changes.
    public var targetCount: Int
    public var tensorCount: Int
    /// The bytes of the source's tensors and configuration.
    public var byteCount: Int
  }

  /// What exact sharing did.
  public struct Sharing: Hashable, Sendable {
    /// The bytes of the container if nothing but equal tensors were shared.
    public var plainByteCount: Int
    /// The pools; none where they would have made the container larger.
    public var pools = SharingReport()
  }

  /// The container.
  public var output: FilePath
  /// The tasks, in the order of their names.
  public var tasks: [Task] = []
  /// The bytes of all sources' tensors and configurations.
  public var inputByteCount = 0
  /// The bytes of the container.
  public var outputByteCount = 0
  /// The number of distinct blocks.
  public var blockCount = 0
  /// The bytes that storing equal blocks once saves.
  public var savedByteCount = 0
  /// The bytes that compression saves, beyond those.
  public var compressedAwayByteCount = 0
  /// What exact sharing did; nil if it was not asked for.
  public var sharing: Sharing?
  /// What a fit did; nil if none was asked for.
  public var fit: Fit?
  /// What was noticed on the way.
  public var findings: [Finding] = []

  init(of intake: AdapterIntake, _ shared: SharedPlan, to output: FilePath) {
    self.output = output
    let plan = shared.plan
    sharing = shared.sharing
    fit = shared.fit
    findings = intake.findings + (fit?.findings ?? [])
    tasks = intake.adapters.map { Task($0) }
    inputByteCount = tasks.reduce(0) { $0 + $1.byteCount }
    outputByteCount = plan.committedByteCount
    blockCount = plan.blockCount
    savedByteCount = plan.savedByteCount
    compressedAwayByteCount = plan.logicalBlockByteCount - plan.storedBlockByteCount
  }
}

extension ConversionReport.Task {
  init(_ imported: ImportedAdapter) {
    let adapter = imported.adapter
    self.init(
      name: adapter.name, kind: adapter.kind.rawValue, isMergeable: !adapter.isOpaque,
      location: imported.location, rankMax: adapter.rankMax, targetCount: adapter.targets.count,
      tensorCount: adapter.sourceTensors.count,
      byteCount: adapter.blocks.reduce(0) { $0 + $1.bytes.count })
  }
}
