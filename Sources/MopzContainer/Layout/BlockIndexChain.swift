import MopzBytes
import MopzDigest

/// The segments of a commit's block index, the newest first, each with its hash checked.
///
/// - Specification: §5.6 of `spec/mopz.md`.
struct BlockIndexChain {
  /// A segment that is whole.
  struct Segment: Sendable {
    let reference: SegmentReference
    let entryCount: Int
  }

  private(set) var segments: [Segment] = []
  /// What breaks the chain after the last of `segments`, or nil.
  private(set) var violation: FormatViolation?
  private let bytes: Bytes

  /// Follows the chain: IDX-1 to IDX-3.
  ///
  /// - Complexity: O(bytes of the index).
  init(_ container: Container) {
    bytes = container.bytes
    var next = container.slot.blockIndex
    while next != .none {
      guard let previous = follow(next, checksReserved: container.checksReserved) else { return }
      next = previous
    }
  }

  /// An entry of a segment.
  func entry(_ index: Int, of segment: Segment) -> BlockIndexEntry {
    BlockIndexEntry(
      parsing: bytes.span,
      at: Int(segment.reference.offset) + BlockIndexHeader.byteCount
        + index * BlockIndexEntry.byteCount)
  }

  /// The entries of a block's content hash, in a segment whose entries are in order.
  ///
  /// - Complexity: O(log n), and the entries found.
  func entries(of contentHash: Digest128, in segment: Segment) -> [BlockIndexEntry] {
    var low = 0
    var high = segment.entryCount
    while low < high {
      let middle = (low + high) / 2
      if entry(middle, of: segment).contentHash < contentHash {
        low = middle + 1
      } else {
        high = middle
      }
    }
    var found: [BlockIndexEntry] = []
    while low < segment.entryCount {
      let next = entry(low, of: segment)
      guard next.contentHash == contentHash else { break }
      found.append(next)
      low += 1
    }
    return found
  }

  /// - Returns: The segment before, or nil if the chain breaks here.
  private mutating func follow(
    _ reference: SegmentReference, checksReserved: Bool
  ) -> SegmentReference? {
    let location = FormatLocation.indexSegment(reference.offset)
    let start = Int(reference.offset)
    let file = bytes
    let span = file.span.extracting(start..<(start + Int(reference.length)))
    let hash = XXH3.hash128(span)
    guard hash == reference.hash else {
      return fail(.indexHash, location, .digests(expected: reference.hash, found: hash))
    }
    let header = BlockIndexHeader(parsing: span, at: 0)
    let (entryBytes, overflow) = header.entryCount.multipliedReportingOverflow(
      by: UInt64(BlockIndexEntry.byteCount))
    guard header.magic == FormatConstants.blockIndexMagic, !overflow,
      reference.length - UInt64(BlockIndexHeader.byteCount) == entryBytes,
      !checksReserved || BlockIndexHeader.reservedIsZero(in: span, at: 0)
    else { return fail(.indexHeader, location) }
    let previous = header.previous
    guard
      previous == .none
        || RegionBounds.contains(previous.offset, previous.length, within: start)
          && previous.length >= UInt64(BlockIndexHeader.byteCount)
    else {
      return fail(
        .indexChain, location, .bytes(offset: previous.offset, count: previous.length))
    }
    segments.append(Segment(reference: reference, entryCount: Int(header.entryCount)))
    return previous
  }

  private mutating func fail(
    _ rule: FormatRule, _ location: FormatLocation, _ detail: FormatViolation.Detail = .none
  ) -> SegmentReference? {
    violation = FormatViolation(rule: rule, location: location, detail: detail)
    return nil
  }
}
