public import MopzAdapters
public import MopzBytes
import MopzDigest
import MopzTensors

/// A container, or a commit to one, that is worked out and not yet written: every block
/// hashed, equal ones found, every offset known, every record checked.
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
/// A commit to a container that exists is planned with ``init(onto:adding:removing:threads:)``
/// and written by a ``ContainerUpdater``.
///
/// - Specification: §11 and §12 of `spec/mopz.md`.
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

  /// What is built on: nothing, for a new file.
  let base: CommitBase
  /// The tasks that are written, in the order of their names.
  private(set) var tasks: [Task] = []
  /// The blocks of these tasks, in the order of first use; empty ones have no place.
  private(set) var blocks: [PlannedBlock] = []
  /// What the commit declares dead.
  let deadExtents: [DeadExtent]
  private(set) var features: RequiredFeatures
  /// The length of the file.
  public private(set) var committedByteCount: Int

  /// A block and its place.
  struct PlannedBlock: Sendable {
    var block: StoredBlock
    var offset: Int
    var isShared: Bool
    /// Whether the file that is added to has the block.
    var isStored: Bool
    /// Whether the block is to be written.
    var isNew: Bool { !isStored && block.bytes.count > 0 }
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

  /// Plans a commit that adds adapters to a container and removes tasks of it, both at once:
  /// a task that is replaced is among both.
  ///
  /// Blocks that lie in the container already are used where they lie.
  ///
  /// - Throws: ``ContainerError``: `.noSuchTask`, DIR-12 for a name that is taken, the rule
  ///   that a new task's tables break, or what is wrong with the directory, the block index,
  ///   or a record that had to be read.
  /// - Complexity: O(bytes of the new blocks + tasks + blocks of the index); with a removal,
  ///   also O(bytes of all records).
  public init(
    onto container: Container, adding adapters: [Adapter], removing names: [String] = [],
    compression: Compression? = nil, threads: WorkerThreads = .all
  ) throws(ContainerError) {
    let commit = try CheckedCommit(of: container)
    let contents = try BlockHashing.tasks(of: try Self.sorted(adapters), threads: threads)
    let base = try CommitBase(commit, removing: Set(names.map(ExactName.init)), threads: threads)
    let stored = StoredBlocks(in: commit, matching: contents)
    try self.init(contents, onto: base, reusing: stored, compression: compression, threads)
  }

  /// Plans tasks whose blocks are hashed, and coded as the container is to hold them; with
  /// `compression` each new one is put into the shortest form instead.
  ///
  /// - Precondition: The tasks are in the order of their names.
  init(
    _ contents: [TaskContent], onto base: CommitBase = CommitBase(),
    reusing stored: StoredBlocks = StoredBlocks(), compression: Compression? = nil,
    _ threads: WorkerThreads
  ) throws(ContainerError) {
    try Self.refuseTakenNames(contents, base)
    var table = BlockTable(stored: stored)
    var tasks: [Task] = []
    for (index, content) in contents.enumerated() {
      tasks.append(Self.task(content, index: index, in: &table))
    }
    if let compression { try table.compress(compression, threads: threads) }
    let end = Self.place(&tasks, in: &table, from: base.end)
    blocks = table.entries.map {
      PlannedBlock(
        block: $0.block, offset: $0.offset, isShared: $0.taskCount > 1, isStored: $0.isStored)
    }
    features = blocks.reduce(into: base.features) { $0.formUnion($1.block.features) }
    self.base = base
    deadExtents = base.deadSpace.extents(
      reusing: Set(blocks.lazy.filter(\.isStored).map { UInt64($0.offset) }))
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
    let new = blocks.count(where: \.isNew)
    if new > 0 {
      position = position.aligned(to: FormatConstants.regionAlignment)
      position += BlockIndexHeader.byteCount + new * BlockIndexEntry.byteCount
    }
    position = position.aligned(to: FormatConstants.regionAlignment)
    let names =
      tasks.reduce(0) { $0 + $1.adapter.name.utf8.count }
      + base.kept.reduce(0) { $0 + $1.name.utf8.count }
    return position
      + DirectoryBuilder.byteCount(
        taskCount: taskCount, namesByteCount: names, deadCount: deadExtents.count)
  }

  /// LIM-1 and DIR-12 over what is new and what stays.
  private static func refuseTakenNames(
    _ contents: [TaskContent], _ base: CommitBase
  ) throws(ContainerError) {
    let count = contents.count + base.kept.count
    guard count <= Limits.taskCount else {
      throw .violation(.taskLimit, .file, .exceeds(UInt64(count), limit: UInt64(Limits.taskCount)))
    }
    guard !base.kept.isEmpty else { return }
    let names = Set(contents.map { ExactName($0.adapter.name) })
    for task in base.kept where names.contains(ExactName(task.name)) {
      throw .violation(.entryOrder, .task(task.name))
    }
  }

  /// The adapters in the order of their names.
  private static func sorted(_ adapters: [Adapter]) throws(ContainerError) -> [Adapter] {
    let sorted = adapters.map { (ExactName($0.name), $0) }.sorted { $0.0 < $1.0 }
    for (index, (name, _)) in sorted.enumerated() {
      guard TaskName.isValid(name.string) else {
        throw .violation(.taskName, .task(name.string))
      }
      guard index == 0 || sorted[index - 1].0 != name else {
        throw .violation(.entryOrder, .task(name.string))
      }
    }
    return sorted.map { $0.1.withoutNeedlessHeaders() }
  }
}

extension ContainerPlan {
  /// The number of tasks after the commit.
  public var taskCount: Int { tasks.count + base.kept.count }

  /// The number of the commit.
  public var generation: UInt64 { base.generation + 1 }

  /// The bytes that the commit adds to what is built on.
  public var appendedByteCount: Int { committedByteCount - (base.generation == 0 ? 0 : base.end) }

  /// The bytes that the commit declares dead.
  public var deadByteCount: Int { deadExtents.reduce(0) { $0 + Int($1.length) } }

  /// The number of different blocks that the planned tasks use.
  public var blockCount: Int { blocks.count }

  /// The bytes of the blocks that are written, as they are stored, each once.
  public var storedBlockByteCount: Int {
    blocks.reduce(0) { $0 + ($1.isNew ? $1.block.bytes.count : 0) }
  }

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

  /// The bytes that the planned tasks' blocks would take if each task had its own.
  public var referencedByteCount: Int {
    tasks.reduce(0) { $0 + Int(clamping: $1.entry.referencedBytes) }
  }
}
