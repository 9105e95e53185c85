import MopzBytes

/// A run of bytes that no task of the commit uses.
///
/// - Specification: §5.3 of `spec/mopz.md`.
struct DeadExtent: FixedLayout, Hashable, Sendable {
  static let byteCount = 16

  var offset: UInt64
  var length: UInt64

  init(offset: UInt64, length: UInt64) {
    self.offset = offset
    self.length = length
  }

  init(parsing bytes: RawSpan, at start: Int) {
    offset = bytes.u64(start)
    length = bytes.u64(start + 8)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(offset, start)
    bytes.put(length, start + 8)
  }
}

extension [DeadExtent] {
  /// Whether a block lies wholly in dead extents, which are in order and may adjoin.
  ///
  /// - Complexity: O(log n) and the extents that the block covers.
  func contains(_ entry: BlockIndexEntry) -> Bool {
    let (end, overflow) = entry.offset.addingReportingOverflow(entry.storedLength)
    guard !overflow else { return false }
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].offset <= entry.offset { low = middle + 1 } else { high = middle }
    }
    var position = entry.offset
    for extent in self[Swift.max(0, low - 1)...] {
      guard extent.offset <= position else { return false }
      position = Swift.max(position, extent.offset + extent.length)
      if position >= end { return true }
    }
    return false
  }
}
