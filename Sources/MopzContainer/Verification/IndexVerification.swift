/// Stage 5 of a verification: the chain of block index segments, against the records.
///
/// - Specification: §5.6 of `spec/mopz.md`.
struct IndexVerification {
  private(set) var violations: [FormatViolation] = []
  /// The segments, the newest first.
  private(set) var segments: [SegmentReference] = []
  /// Whether the chain could be followed to its end.
  let isChainWhole: Bool

  /// How often each block is listed, by its offset.
  private var listed: [UInt64: Int] = [:]
  /// The entries that name no block of the commit.
  private var strangers: [BlockIndexEntry] = []

  init(_ container: Container, records: RecordsVerification, dead: [DeadExtent]) {
    let chain = BlockIndexChain(container)
    segments = chain.segments.map(\.reference)
    isChainWhole = chain.violation == nil
    for segment in chain.segments { checkEntries(of: segment, chain, records) }
    if let violation = chain.violation { violations.append(violation) }
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

  private mutating func checkEntries(
    of segment: BlockIndexChain.Segment, _ chain: BlockIndexChain, _ records: RecordsVerification
  ) {
    var last: BlockIndexEntry?
    for index in 0..<segment.entryCount {
      let entry = chain.entry(index, of: segment)
      if let last, !(last < entry) {  // IDX-4
        violations.append(
          FormatViolation(
            rule: .indexOrder, location: .indexSegment(segment.reference.offset)))
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
}
