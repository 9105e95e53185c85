public import MopzAdapters
public import MopzBytes
import MopzContainer
import MopzSafetensors
import MopzTensors
public import SystemPackage

/// What a file or directory holds, and what makes it big.
///
/// Reads headers and records, never elements.
public struct Inspection: Sendable {
  /// What was given.
  public enum Subject: String, Hashable, Sendable {
    case container
    /// One adapter or several, as files.
    case adapters
    /// A model's weights.
    case checkpoint
  }

  /// What a task or adapter holds.
  public struct Task: Hashable, Sendable {
    public var name: String
    /// The tag, such as `lora`.
    public var kind: String
    /// Whether merge knows what the tensors do.
    public var isMergeable: Bool
    /// The stored bytes of blocks that no other task uses.
    public var privateByteCount: Int
    /// The stored bytes of blocks that other tasks use, too.
    public var sharedByteCount: Int
    public var rankMax: Int
    /// The number of parameters of the base that the task changes.
    public var targetCount: Int
    /// The number of elements of the source tensors.
    public var parameterCount: Int
    /// The recorded base; nil if none was recorded.
    public var base: Base?
    /// What a fit was asked for and reached; nil if the task is exact.
    public var fit: FitRecord?
    /// The errors that fitted modules state, in the order of the task.
    public var moduleErrors: [ModuleError] = []
    /// Where the bytes go; nil unless it was asked for.
    public var anatomy: Anatomy?
    /// What each module takes; empty unless it was asked for.
    public var modules: [Module] = []
    /// What the importer read and worked out; empty unless the anatomy was asked for.
    public var properties: [[String]]
  }

  /// The error of one fitted module.
  public struct ModuleError: Hashable, Sendable {
    public var module: String
    /// ‖fitted ΔW − source ΔW‖ / ‖source ΔW‖, as the task states it.
    public var error: Double
  }

  /// A recorded base.
  public struct Base: Hashable, Sendable {
    /// The hash of the record.
    public var digest: String
    /// Such as `LlamaForCausalLM`.
    public var architecture: String
    public var tensorCount: Int
  }

  public internal(set) var subject: Subject
  /// The tasks or adapters, in the order of their names.
  public internal(set) var tasks: [Task] = []
  /// The bytes of the file, or of all files that belong to the adapters.
  public internal(set) var fileByteCount = 0
  /// The number of distinct blocks; of tensors where nothing is shared.
  public internal(set) var blockCount = 0
  /// The bytes that storing equal blocks once saves.
  public internal(set) var savedByteCount = 0
  /// The pools that tasks take from, in the order of their first users.
  public internal(set) var pools: [Pool] = []
  /// Where the bytes of a checkpoint go.
  public internal(set) var anatomy: Anatomy?
  /// The largest task, and where its bytes go; nil if there is none.
  public internal(set) var largest: (task: String, anatomy: Anatomy)?
  /// What was noticed on the way.
  public internal(set) var findings: [Finding] = []

  /// Examines a `.mopz` file, adapters in any form that is read, or a model's weights.
  ///
  /// - Parameters:
  ///   - task: The only task to list; nil for all.
  ///   - withAnatomy: Whether to say of every task where its bytes go, and not of the largest
  ///     alone.
  ///   - withModules: Whether to say what each module of a container's tasks takes.
  /// - Throws: ``ConversionError`` if it is none of these, or the task is unknown.
  public init(
    of path: FilePath, task: String? = nil, withAnatomy: Bool, withModules: Bool = false
  ) throws(ConversionError) {
    subject = .adapters
    if path.lastComponent?.string.hasSuffix(".mopz") == true {
      try inspectContainer(
        path, task: task, withAnatomy: withAnatomy, withModules: withModules)
    } else if try Self.isCheckpoint(path) {
      try inspectCheckpoint(path)
    } else {
      try inspectAdapters(path, task: task, withAnatomy: withAnatomy)
    }
  }

  private static func isCheckpoint(_ path: FilePath) throws(ConversionError) -> Bool {
    let isDirectory = try ConversionError.system { () throws(SystemError) in
      try path.isDirectory()
    }
    guard isDirectory else { return false }
    let folder = SourceFolder(directory: path, name: path.lastComponent?.string ?? "")
    return try FolderSurvey(folder).isCheckpoint
  }

  private mutating func inspectCheckpoint(_ path: FilePath) throws(ConversionError) {
    let checkpoint: Checkpoint
    do throws(CheckpointError) { checkpoint = try Checkpoint(opening: path) } catch {
      throw .checkpoint(error)
    }
    subject = .checkpoint
    fileByteCount = checkpoint.shards.reduce(0) { $0 + $1.file.bytes.count }
    blockCount = checkpoint.infos.count
    anatomy = Anatomy(of: checkpoint.infos)
  }

  private mutating func inspectAdapters(
    _ path: FilePath, task: String?, withAnatomy: Bool
  ) throws(ConversionError) {
    let sources = try [SourceArgument(path: path)].sources()
    let chosen = sources.filter { task == nil || ExactName($0.name) == ExactName(task ?? "") }
    guard !chosen.isEmpty else {
      throw .refused(
        Refusal(.task, path.string, "holds no adapter \((task ?? "").quoted)"))
    }
    var largestByteCount = -1
    for source in chosen {
      let imported = try source.imported()
      let adapter = imported.adapter
      let bytes = adapter.blocks.reduce(0) { $0 + $1.bytes.count }
      findings += imported.findings
      fileByteCount += bytes
      blockCount += adapter.sourceTensors.count
      if bytes > largestByteCount {
        largestByteCount = bytes
        largest = (adapter.name, Anatomy(of: adapter))
      }
      tasks.append(
        Task(
          name: adapter.name, kind: adapter.kind.rawValue,
          isMergeable: !adapter.isOpaque,
          privateByteCount: bytes, sharedByteCount: 0, rankMax: adapter.rankMax,
          targetCount: adapter.targets.count, parameterCount: adapter.parameterCount,
          base: adapter.baseRecord.map(Base.init),
          anatomy: withAnatomy ? Anatomy(of: adapter) : nil,
          properties: withAnatomy ? adapter.properties.map { [$0.key, $0.value] } : []))
    }
    // Of one file, an archive among them, it is the file that has a size.
    let status = try ConversionError.system { () throws(SystemError) in try path.status() }
    if let status, status.kind == .regular { fileByteCount = status.byteCount }
  }
}
