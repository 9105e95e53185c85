import MopzBytes

/// A run of bytes of a commit with one purpose.
struct Region {
  /// What the bytes are.
  enum Kind: Hashable { case block, record, indexSegment, directory, dead }

  var kind: Kind
  var offset: Int
  var byteCount: Int
  /// What the region's offset is a multiple of.
  var alignment = FormatConstants.regionAlignment
}

/// Stage 6 of a verification: the regions tile the file.
///
/// - Specification: §5.7 of `spec/mopz.md`.
struct RegionVerification {
  private(set) var violations: [FormatViolation] = []

  init(
    _ container: Container, records: RecordsVerification, segments: [SegmentReference],
    dead: [DeadExtent]
  ) {
    let regions = Self.regions(container, records: records, segments: segments, dead: dead)
    var end = FormatConstants.headerByteCount
    for region in regions {
      guard region.offset >= end else {  // TIL-1
        append(.regionOverlap, region.offset, region.byteCount)
        end = max(end, region.offset + region.byteCount)
        continue
      }
      if region.offset - end >= region.alignment {  // TIL-2
        append(.regionGap, end, region.offset - end)
      }
      if !container.bytes.span.extracting(end..<region.offset).isAllZero {  // TIL-3
        append(.regionPadding, end, region.offset - end)
      }
      end = region.offset + region.byteCount
    }
    if end != container.committedByteCount {  // TIL-4
      append(.regionEnd, end, container.committedByteCount - end)
    }
  }

  private mutating func append(_ rule: FormatRule, _ offset: Int, _ count: Int) {
    violations.append(
      FormatViolation(
        rule: rule,
        location: .bytes(offset: UInt64(offset), count: UInt64(clamping: count))))
  }

  /// All regions of a commit in the order of their offsets.
  static func regions(
    _ container: Container, records: RecordsVerification, segments: [SegmentReference],
    dead: [DeadExtent]
  ) -> [Region] {
    var regions: [Region] = []
    for block in records.blocks.values {
      regions.append(
        Region(
          kind: .block, offset: Int(block.row.offset), byteCount: Int(block.row.storedLength),
          alignment: block.row.alignment))
    }
    for task in records.tasks {
      regions.append(
        Region(
          kind: .record, offset: Int(task.entry.recordOffset), byteCount: task.recordByteCount))
    }
    for segment in segments {
      regions.append(
        Region(kind: .indexSegment, offset: Int(segment.offset), byteCount: Int(segment.length)))
    }
    regions.append(
      Region(
        kind: .directory, offset: Int(container.slot.directoryOffset),
        byteCount: Int(container.slot.directoryLength)))
    for extent in dead {
      regions.append(
        Region(kind: .dead, offset: Int(extent.offset), byteCount: Int(extent.length)))
    }
    return regions.sorted { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
  }
}
