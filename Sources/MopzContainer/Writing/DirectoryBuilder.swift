import MopzBytes
import MopzDigest

/// Puts a directory together from entries in the order of their names.
///
/// - Specification: §5.3 of `spec/mopz.md`.
struct DirectoryBuilder {
  private var entries: [TaskEntry] = []
  private var names: [UInt8] = []
  private let deadExtents: [DeadExtent]

  /// Begins a directory that declares these extents dead.
  init(deadExtents: [DeadExtent] = []) { self.deadExtents = deadExtents }

  /// Adds an entry; its name, place and hash are filled in here.
  ///
  /// - Precondition: The name follows those that were added before.
  mutating func append(_ entry: TaskEntry, name: String) {
    var entry = entry
    let utf8 = Array(name.utf8)
    // At most 2^20 names of 255 bytes: no overflow.
    entry.nameOffset = UInt32(names.count)
    entry.nameLength = UInt16(utf8.count)
    entries.append(entry.sealed(name: utf8.span.rawBytes))
    names += utf8
  }

  /// The number of bytes that the directory takes.
  static func byteCount(taskCount: Int, namesByteCount: Int, deadCount: Int) -> Int {
    (DirectoryHeader.byteCount + taskCount * TaskEntry.byteCount + namesByteCount).aligned(to: 8)
      + deadCount * DeadExtent.byteCount
  }

  /// The directory's bytes.
  func encoded() -> Bytes {
    let header = DirectoryHeader(
      taskCount: entries.count, namesByteCount: names.count, deadCount: deadExtents.count)
    let byteCount = Self.byteCount(
      taskCount: entries.count, namesByteCount: names.count, deadCount: deadExtents.count)
    return Bytes(byteCount: byteCount) { target in
      header.write(to: &target, at: 0)
      for (index, entry) in entries.enumerated() {
        entry.write(to: &target, at: DirectoryHeader.byteCount + index * TaskEntry.byteCount)
      }
      target.copy(from: names.span.rawBytes, at: Int(header.namesOffset))
      for (index, extent) in deadExtents.enumerated() {
        extent.write(to: &target, at: Int(header.deadOffset) + index * DeadExtent.byteCount)
      }
    }
  }
}

/// Puts a block index segment together.
///
/// - Specification: §5.6 of `spec/mopz.md`.
enum BlockIndexSegment {
  /// The segment's bytes; the entries are sorted here.
  static func encoded(_ entries: [BlockIndexEntry], previous: SegmentReference = .none) -> Bytes {
    let sorted = entries.sorted()
    let byteCount = BlockIndexHeader.byteCount + sorted.count * BlockIndexEntry.byteCount
    return Bytes(byteCount: byteCount) { target in
      BlockIndexHeader(entryCount: sorted.count, previous: previous).write(to: &target, at: 0)
      for (index, entry) in sorted.enumerated() {
        entry.write(
          to: &target, at: BlockIndexHeader.byteCount + index * BlockIndexEntry.byteCount)
      }
    }
  }
}
