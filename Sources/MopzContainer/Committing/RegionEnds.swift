import MopzBytes

/// Where the region before each of some blocks ends.
///
/// A large block may lie after a gap for its alignment, which dies with it.
///
/// - Specification: §5.7 and §12.4 of `spec/mopz.md`.
struct RegionEnds {
  /// The blocks' offsets in order.
  private let offsets: [UInt64]
  /// The greatest end of a region that begins before each of them.
  private var ends: [UInt64]

  /// Begins with no region but the header.
  ///
  /// - Parameter offsets: Where the blocks lie, in order.
  init(before offsets: [UInt64]) {
    self.offsets = offsets
    ends = [UInt64](repeating: UInt64(FormatConstants.headerByteCount), count: offsets.count)
  }

  /// Notes all regions of a commit.
  ///
  /// - Complexity: O(n log m) for n regions and m blocks.
  mutating func note(_ commit: CheckedCommit) {
    let slot = commit.container.slot
    note(slot.directoryOffset, slot.directoryLength)
    for (checked, _) in commit.directory.entries {
      note(checked.entry.recordOffset, checked.entry.recordLength)
    }
    for extent in commit.directory.deadExtents { note(extent.offset, extent.length) }
    for segment in commit.chain.segments {
      note(segment.reference.offset, segment.reference.length)
      for index in 0..<segment.entryCount {
        let entry = commit.chain.entry(index, of: segment)
        note(entry.offset, entry.storedLength)
      }
    }
  }

  private mutating func note(_ offset: UInt64, _ length: UInt64) {
    var low = 0
    var high = offsets.count
    while low < high {
      let middle = (low + high) / 2
      if offsets[middle] <= offset { low = middle + 1 } else { high = middle }
    }
    guard low < offsets.count else { return }
    let (end, overflow) = offset.addingReportingOverflow(length)
    guard !overflow, end <= offsets[low] else { return }
    ends[low] = max(ends[low], end)
  }

  /// Each block with the gap before it, by its offset.
  func extents(of blocks: [UInt64: UInt64]) -> [UInt64: DeadExtent] {
    var extents: [UInt64: DeadExtent] = [:]
    for (offset, end) in zip(offsets, ends) {
      // The ends lie at or before the offsets, so within the file.
      let start = UInt64(Int(end).aligned(to: FormatConstants.regionAlignment))
      let length = blocks[offset] ?? 0
      extents[offset] = DeadExtent(
        offset: min(start, offset), length: offset + length - min(start, offset))
    }
    return extents
  }
}
