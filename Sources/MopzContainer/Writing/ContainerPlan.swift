public import MopzAdapters
public import MopzBytes
import MopzDigest
import MopzTensors

/// A container that is worked out and not yet written: every block hashed, equal ones
/// found, every offset known, every record checked.
///
/// The tasks may come in any order; the file has them in the order of names. The same
/// tasks give the same bytes, whatever the number of threads. Blocks stay where they are
/// mapped and are not copied, unless they are to be compressed.
///
/// ```swift
/// let plan = try ContainerPlan(of: adapters)
/// var output = try AtomicFile(creating: "family.mopz", force: false)
/// try plan.write(to: &output.file)
/// try output.commit()
/// ```
///
/// - Specification: §11 of `spec/mopz.md`.
public struct ContainerPlan: Sendable {
  /// One task, with the places of its blocks.
  struct Task: Sendable {
    var adapter: Adapter
    /// The record's block table, as indices into the plan's blocks.
    var blocks: [Int]
    /// The place in `blocks`, by the adapter's block index; -1 if nothing uses it.
    var blockPlaces: [Int]
    /// The run of the blocks that no other task uses.
    var privateRange: Range<Int>
    /// The record's length and hash, and the rest of the entry but the record's offset.
    var entry = TaskEntry()
  }

  private(set) var tasks: [Task] = []
  /// All blocks, in the order in which they lie in the file; empty ones have no place.
  private(set) var blocks: [PlannedBlock] = []
  private(set) var features: RequiredFeatures = []
  /// The length of the file.
  public private(set) var committedByteCount: Int

  /// A block and its place.
  struct PlannedBlock: Sendable {
    var block: StoredBlock
    var offset: Int
    var isShared: Bool
  }

  /// Plans a container of adapters.
  ///
  /// - Parameters:
  ///   - adapters: The tasks, in any order.
  ///   - compression: How blocks are compressed; nil to store them raw.
  ///   - threads: Who hashes and compresses blocks and checks records.
  /// - Throws: ``ContainerError``: DIR-8 or DIR-12 for names, or the rule that a task's
  ///   tables break.
  /// - Complexity: O(bytes of all blocks); memory for tables and hashes, not for blocks, but
  ///   for what ``Compression`` allows.
  public init(
    of adapters: [Adapter], compression: Compression? = nil, threads: WorkerThreads = .all
  ) throws(ContainerError) {
    let contents = try BlockHashing.tasks(of: try Self.sorted(adapters), threads: threads)
    try self.init(contents, compression: compression, threads)
  }

  /// Plans a container of tasks whose blocks are hashed, and coded as the container is to
  /// hold them; with `compression` each is put into the shortest form instead.
  ///
  /// - Precondition: The tasks are in the order of their names.
  init(
    _ contents: [TaskContent], compression: Compression? = nil, _ threads: WorkerThreads
  ) throws(ContainerError) {
    var table = BlockTable()
    var tasks: [Task] = []
    for (index, content) in contents.enumerated() {
      tasks.append(Self.task(content, index: index, in: &table))
    }
    if let compression { try table.compress(compression, threads: threads) }
    let end = Self.place(&tasks, in: &table)
    blocks = table.entries.map {
      PlannedBlock(block: $0.block, offset: $0.offset, isShared: $0.taskCount > 1)
    }
    for block in blocks { features.formUnion(block.block.features) }
    self.tasks = tasks
    committedByteCount = end  // Until the records are known.
    let entries = try threads.map(tasks.count) { [self] (index) throws(ContainerError) in
      try entry(of: self.tasks[index])
    }
    for (index, entry) in entries.enumerated() { self.tasks[index].entry = entry }
    committedByteCount = byteCount(blockEnd: end)
  }

  /// The length of the file whose last block ends at `blockEnd`.
  private func byteCount(blockEnd: Int) -> Int {
    var position = blockEnd
    for task in tasks {
      position = position.aligned(to: FormatConstants.regionAlignment)
      position += Int(task.entry.recordLength)
    }
    let stored = blocks.count { $0.block.bytes.count > 0 }
    if stored > 0 {
      position = position.aligned(to: FormatConstants.regionAlignment)
      position += BlockIndexHeader.byteCount + stored * BlockIndexEntry.byteCount
    }
    position = position.aligned(to: FormatConstants.regionAlignment)
    let names = tasks.reduce(0) { $0 + $1.adapter.name.utf8.count }
    return position
      + DirectoryBuilder.byteCount(taskCount: tasks.count, namesByteCount: names, deadCount: 0)
  }

  /// The adapters in the order of their names.
  private static func sorted(_ adapters: [Adapter]) throws(ContainerError) -> [Adapter] {
    guard adapters.count <= Limits.taskCount else {
      throw .violation(
        .taskLimit, .file, .exceeds(UInt64(adapters.count), limit: UInt64(Limits.taskCount)))
    }
    let sorted = adapters.map { (ExactName($0.name), $0) }.sorted { $0.0 < $1.0 }
    for (index, (name, _)) in sorted.enumerated() {
      guard TaskName.isValid(name.string) else {
        throw .violation(.taskName, .task(name.string))
      }
      guard index == 0 || sorted[index - 1].0 != name else {
        throw .violation(.entryOrder, .task(name.string))
      }
    }
    return sorted.map(\.1)
  }
}

extension ContainerPlan {
  /// The number of blocks that are stored.
  public var blockCount: Int { blocks.count }

  /// The bytes of the blocks as they are stored, each once.
  public var storedBlockByteCount: Int { blocks.reduce(0) { $0 + $1.block.bytes.count } }

  /// The bytes of the blocks' tensors, each once.
  public var logicalBlockByteCount: Int { blocks.reduce(0) { $0 + $1.block.logicalByteCount } }

  /// The bytes that storing equal blocks once saves, across tasks and within them.
  public var savedByteCount: Int {
    let repeated = tasks.reduce(0) { sum, task in
      var seen: Set<Int> = []
      return task.adapter.sourceTensors.reduce(sum) { sum, tensor in
        guard case .block(let index) = tensor.content else { return sum }
        let place = task.blocks[task.blockPlaces[index]]
        return seen.insert(place).inserted ? sum : sum + blocks[place].block.bytes.count
      }
    }
    return referencedByteCount - storedBlockByteCount + repeated
  }

  /// The bytes that the tasks' blocks would take if each task had its own.
  public var referencedByteCount: Int {
    tasks.reduce(0) { $0 + Int(clamping: $1.entry.referencedBytes) }
  }
}
