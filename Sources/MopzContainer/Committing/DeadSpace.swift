import MopzAdapters
import MopzBytes

/// What no task uses any more after a commit.
///
/// - Specification: §12.4 of `spec/mopz.md`.
struct DeadSpace: Sendable {
  /// What is dead whatever is added.
  private var certain: [DeadExtent] = []
  /// The blocks that only removed tasks used, by their offsets; each with what lies before it
  /// for its alignment.
  private var released: [UInt64: DeadExtent] = [:]

  /// No dead bytes.
  init() {}

  /// The dead bytes after a commit that builds on another.
  ///
  /// - Parameter stays: Whether each task of the directory does.
  /// - Throws: ``ContainerError`` if the record of a task that stays is damaged.
  init(
    _ commit: CheckedCommit, stays: [Bool], threads: WorkerThreads
  ) throws(ContainerError) {
    let container = commit.container
    certain = commit.directory.deadExtents
    certain.append(
      DeadExtent(
        offset: container.slot.directoryOffset, length: container.slot.directoryLength))
    let tail = container.committedByteCount.aligned(to: FormatConstants.regionAlignment)
    if commit.end > tail {
      certain.append(DeadExtent(offset: UInt64(tail), length: UInt64(commit.end - tail)))
    }
    let entries = commit.directory.entries
    let removed = zip(entries, stays).filter { !$1 }.map(\.0)
    guard !removed.isEmpty else { return }
    for (checked, _) in removed {
      certain.append(
        DeadExtent(offset: checked.entry.recordOffset, length: checked.entry.recordLength))
    }
    var blocks = Self.blocks(of: removed, in: commit)
    let kept = zip(entries, stays).filter { $1 }.map(\.0)
    for offset in try Self.used(blocks, by: kept, in: container, threads) { blocks[offset] = nil }
    var ends = RegionEnds(before: blocks.keys.sorted())
    ends.note(commit)
    released = ends.extents(of: blocks)
  }

  /// The blocks that removed tasks list: lengths by offsets.
  ///
  /// Where a record is damaged, every block of the index may be one of its task.
  private static func blocks(
    of removed: [(entry: CheckedEntry, name: String)], in commit: CheckedCommit
  ) -> [UInt64: UInt64] {
    var blocks: [UInt64: UInt64] = [:]
    for (checked, name) in removed {
      let task = try? commit.container.task(checked, name: name) {
        (validation) throws(ContainerError) in
        try validation.validate()
      }
      guard let task else { return allBlocks(of: commit) }
      for index in 0..<task.blockCount {
        let row = task.reader.block(index)
        if row.storedLength > 0 { blocks[row.offset] = row.storedLength }
      }
    }
    return blocks
  }

  private static func allBlocks(of commit: CheckedCommit) -> [UInt64: UInt64] {
    let end = commit.container.committedByteCount
    var blocks: [UInt64: UInt64] = [:]
    for segment in commit.chain.segments {
      for index in 0..<segment.entryCount {
        let entry = commit.chain.entry(index, of: segment)
        guard RegionBounds.contains(entry.offset, entry.storedLength, within: end),
          !commit.directory.deadExtents.contains(entry)
        else { continue }
        blocks[entry.offset] = entry.storedLength
      }
    }
    return blocks
  }

  /// Those of the blocks that a task which stays lists.
  private static func used(
    _ blocks: [UInt64: UInt64], by kept: [(entry: CheckedEntry, name: String)],
    in container: Container, _ threads: WorkerThreads
  ) throws(ContainerError) -> Set<UInt64> {
    let perTask = try threads.map(kept.count) { (index) throws(ContainerError) in
      let task = try container.task(kept[index].entry, name: kept[index].name) { _ in }
      var used: [UInt64] = []
      for block in 0..<task.blockCount {
        let offset = task.reader.block(block).offset
        if blocks[offset] != nil { used.append(offset) }
      }
      return used
    }
    return Set(perTask.joined())
  }

  /// The dead extents, in order, neighbours joined.
  ///
  /// - Parameter reused: The offsets of the blocks that added tasks use.
  func extents(reusing reused: Set<UInt64> = []) -> [DeadExtent] {
    let all = certain + released.filter { !reused.contains($0.key) }.values
    var joined: [DeadExtent] = []
    for extent in all.sorted(by: { $0.offset < $1.offset }) {
      guard let last = joined.last else {
        joined.append(extent)
        continue
      }
      // Offsets and lengths have been checked to lie within the file.
      let end = last.offset + last.length
      let next = UInt64(Int(end).aligned(to: FormatConstants.regionAlignment))
      if extent.offset <= next {
        joined[joined.count - 1].length = max(end, extent.offset + extent.length) - last.offset
      } else {
        joined.append(extent)
      }
    }
    return joined
  }
}
