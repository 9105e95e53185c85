import MopzBytes
import MopzDigest
import MopzTensors

/// Blocks that lie in a container already and may be what new tasks need.
///
/// - Specification: §12.3 of `spec/mopz.md`.
struct StoredBlocks: Sendable {
  /// A block and its place.
  struct Place: Sendable {
    var block: StoredBlock
    var offset: Int
  }

  /// The places by content hash, whose content has not been compared yet.
  private var places: [Digest128: [Place]] = [:]

  /// No blocks.
  init() {}

  /// Looks up the content hashes of new blocks.
  ///
  /// - Complexity: O(blocks · segments · log n), and the bytes of what is found. Records are
  ///   read only where a block may be coded, which the block index does not tell.
  init(in commit: CheckedCommit, matching contents: [TaskContent]) {
    let container = commit.container
    var wanted: [UInt64: BlockIndexEntry] = [:]
    var new: [Digest128: StoredBlock] = [:]
    for block in contents.lazy.flatMap(\.blocks) where block.bytes.count > 0 {
      guard new.updateValue(block, forKey: block.contentHash) == nil else { continue }
      for segment in commit.chain.segments {
        for entry in commit.chain.entries(of: block.contentHash, in: segment)
        where RegionBounds.contains(
          entry.offset, entry.storedLength, within: container.committedByteCount)
          && !commit.directory.deadExtents.contains(entry)
        {
          wanted[entry.offset] = entry
        }
      }
    }
    if container.slot.requiredFeatures == 0 {
      // No block of the commit is coded: content hash, offset and length say all.
      for entry in wanted.values {
        guard let block = new[entry.contentHash],
          UInt64(block.logicalByteCount) == entry.storedLength
        else { continue }
        let start = Int(entry.offset)
        let bytes = container.bytes.slice(start..<(start + block.logicalByteCount))
        add(StoredBlock(raw: Tensor(dtype: block.dtype, shape: block.shape, bytes: bytes)), entry)
      }
    } else {
      for (offset, block) in RowSearch(container, offsets: Set(wanted.keys)).found {
        guard let entry = wanted[offset], XXH3.hash128(block.bytes.span) == block.storedHash
        else { continue }
        add(block, entry)
      }
    }
    for hash in places.keys { places[hash]?.sort { $0.offset < $1.offset } }
  }

  private mutating func add(_ block: StoredBlock, _ entry: BlockIndexEntry) {
    guard block.contentHash == entry.contentHash, entry.offset % UInt64(block.alignment) == 0
    else { return }
    places[block.contentHash, default: []].append(Place(block: block, offset: Int(entry.offset)))
  }

  /// The first place where a block of the same content lies.
  ///
  /// Bytes are compared before two blocks are taken for equal (BLK-10).
  func find(_ block: StoredBlock) -> Place? {
    places[block.contentHash]?.first { $0.block.isSame(as: block) }
  }
}

/// Finds out how blocks are stored, from the records of tasks that list them.
private struct RowSearch {
  private(set) var found: [UInt64: StoredBlock] = [:]
  private var missing: Set<UInt64>

  /// Looks through records until all blocks are found; those of the tasks whose private
  /// blocks they may be come first.
  init(_ container: Container, offsets: Set<UInt64>) {
    missing = offsets
    let order = offsets.sorted()
    var others: [CheckedEntry] = []
    for index in 0..<container.taskCount {
      guard !missing.isEmpty else { return }
      guard let checked = try? container.wholeEntry(at: index) else { continue }
      let start = checked.entry.privateOffset
      let next = order.partitionIndex { $0 >= start }
      if next < order.count, order[next] - start < checked.entry.privateLength {
        look(into: checked, of: container)
      } else {
        others.append(checked)
      }
    }
    for checked in others where !missing.isEmpty { look(into: checked, of: container) }
  }

  private mutating func look(into checked: CheckedEntry, of container: Container) {
    guard let name = try? container.name(of: checked),
      let task = try? container.task(
        checked, name: name,
        validate: { (validation) throws(ContainerError) in
          try validation.validate()
        })
    else { return }
    for index in 0..<task.blockCount {
      let row = task.reader.block(index)
      guard row.storedLength > 0, missing.remove(row.offset) != nil else { continue }
      found[row.offset] = StoredBlock(of: task, at: index)
    }
  }
}

extension [UInt64] {
  /// The first index, in an ordered array, whose element satisfies a condition.
  fileprivate func partitionIndex(where belongsAfter: (UInt64) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if belongsAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
