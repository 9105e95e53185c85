import MopzBytes
import MopzDigest

/// Stage 5 of a verification: the chain of block index segments, against the records.
///
/// - Specification: §5.6 of `spec/mopz.md`.
struct IndexVerification {
  private(set) var violations: [FormatViolation] = []
  /// The segments, the newest first.
  private(set) var segments: [SegmentReference] = []
  /// Whether the chain could be followed to its end.
  private(set) var isChainWhole = true

  /// How often each block is listed, by its offset.
  private var listed: [UInt64: Int] = [:]
  /// The entries that name no block of the commit.
  private var strangers: [BlockIndexEntry] = []

  init(_ container: Container, records: RecordsVerification, dead: [DeadExtent]) {
    var next = container.slot.blockIndex
    while next != .none, isChainWhole {
      next = follow(next, container, records) ?? .none
    }
    guard isChainWhole else { return }
    for block in records.blocksInOrder where listed[block.row.offset] != 1 {  // IDX-5
      violations.append(
        FormatViolation(rule: .indexMissing, location: records.location(of: block.use)))
    }
    for entry in strangers where !dead.contains(entry) {  // IDX-6
      violations.append(
        FormatViolation(
          rule: .indexStray, location: .file,
          detail: .bytes(offset: entry.offset, count: entry.storedLength)))
    }
  }

  /// IDX-1 to IDX-4 for one segment.
  ///
  /// - Returns: The segment before, or nil if the chain breaks here.
  private mutating func follow(
    _ reference: SegmentReference, _ container: Container, _ records: RecordsVerification
  ) -> SegmentReference? {
    let location = FormatLocation.indexSegment(reference.offset)
    let start = Int(reference.offset)
    let span = container.bytes.span.extracting(start..<(start + Int(reference.length)))
    let hash = XXH3.hash128(span)
    guard hash == reference.hash else {
      fail(.indexHash, location, .digests(expected: reference.hash, found: hash))
      return nil
    }
    let header = BlockIndexHeader(parsing: span, at: 0)
    let (entryBytes, overflow) = header.entryCount.multipliedReportingOverflow(
      by: UInt64(BlockIndexEntry.byteCount))
    guard header.magic == FormatConstants.blockIndexMagic, !overflow,
      reference.length - UInt64(BlockIndexHeader.byteCount) == entryBytes,
      !container.checksReserved || BlockIndexHeader.reservedIsZero(in: span, at: 0)
    else {
      fail(.indexHeader, location)
      return nil
    }
    let previous = header.previous
    guard
      previous == .none
        || RegionBounds.contains(previous.offset, previous.length, within: start)
          && previous.length >= UInt64(BlockIndexHeader.byteCount)
    else {
      fail(.indexChain, location, .bytes(offset: previous.offset, count: previous.length))
      return nil
    }
    segments.append(reference)
    checkEntries(span, count: Int(header.entryCount), location, records)
    return previous
  }

  private mutating func checkEntries(
    _ span: RawSpan, count: Int, _ location: FormatLocation, _ records: RecordsVerification
  ) {
    var last: BlockIndexEntry?
    for index in 0..<count {
      let entry = BlockIndexEntry(
        parsing: span, at: BlockIndexHeader.byteCount + index * BlockIndexEntry.byteCount)
      if let last, !(last < entry) {
        violations.append(FormatViolation(rule: .indexOrder, location: location))
      }
      last = entry
      let row = records.blocks[entry.offset]?.row
      if row?.contentHash == entry.contentHash, row?.storedLength == entry.storedLength {
        listed[entry.offset, default: 0] += 1
      } else {
        strangers.append(entry)
      }
    }
  }

  private mutating func fail(
    _ rule: FormatRule, _ location: FormatLocation, _ detail: FormatViolation.Detail = .none
  ) {
    violations.append(FormatViolation(rule: rule, location: location, detail: detail))
    isChainWhole = false
  }
}

extension [DeadExtent] {
  /// Whether a block lies wholly in dead extents, which are in order and may adjoin.
  ///
  /// - Complexity: O(log n) and the extents that the block covers.
  fileprivate func contains(_ entry: BlockIndexEntry) -> Bool {
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
