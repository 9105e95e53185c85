import MopzBytes
import MopzDigest

/// All blocks of a container that is being planned, each once, and who uses them.
///
/// - Specification: §12.3 of `spec/mopz.md`.
struct BlockTable {
  /// A block and its users.
  struct Entry {
    var block: StoredBlock
    /// The number of tasks that use the block.
    var taskCount = 0
    /// The last task that was counted.
    fileprivate var lastTask = -1
    /// Where the block lies, once that is known.
    var offset = 0
    /// Whether the file that is added to has the block.
    var isStored = false
  }

  private(set) var entries: [Entry] = []
  /// Entries by content hash; those after the first of a hash have other bytes.
  private var places: [Digest128: [Int]] = [:]
  private let stored: StoredBlocks

  /// Begins without entries.
  ///
  /// - Parameter stored: The blocks that need not be written, since they lie in the file.
  init(stored: StoredBlocks = StoredBlocks()) { self.stored = stored }

  /// The entry of a block; equal blocks share one.
  ///
  /// Bytes are compared before two blocks are taken for equal (BLK-10).
  mutating func use(_ block: StoredBlock, byTask task: Int) -> Int {
    let place = find(block) ?? add(block)
    if entries[place].lastTask != task {
      entries[place].lastTask = task
      entries[place].taskCount += 1
    }
    return place
  }

  private func find(_ block: StoredBlock) -> Int? {
    places[block.contentHash]?.first { entries[$0].block.isSame(as: block) }
  }

  private mutating func add(_ block: StoredBlock) -> Int {
    let place = stored.find(block)
    var entry = Entry(block: place?.block ?? block)
    if let place {
      entry.offset = place.offset
      entry.isStored = true
    }
    entries.append(entry)
    places[block.contentHash, default: []].append(entries.count - 1)
    return entries.count - 1
  }

  /// Puts the blocks that are to be written into the shortest form.
  ///
  /// - Throws: ``ContainerError``, as ``BlockCompression``.
  mutating func compress(
    _ compression: Compression, threads: WorkerThreads
  ) throws(ContainerError) {
    var work = BlockCompression(compression, threads: threads)
    let new = entries.indices.filter { !entries[$0].isStored }
    let compressed = try work.compressed(new.map { entries[$0].block })
    for (index, block) in zip(new, compressed) { entries[index].block = block }
  }

  /// Gives a block its place in the file, at or after `position`.
  ///
  /// - Returns: The end of the block.
  mutating func place(_ index: Int, from position: Int) -> Int {
    let offset = position.aligned(to: entries[index].block.alignment)
    entries[index].offset = offset
    return offset + entries[index].block.bytes.count
  }
}
