public import MopzBytes
import MopzTensors

/// Every byte of a `.mopz` file, explained.
///
/// A damaged file is explained as far as its structures can be followed; what nothing leads
/// to is told as bytes of no region. ``ContainerVerification`` says which rules are broken.
///
/// ```swift
/// ContainerAnnotation(bytes).forEach { print($0.lines(of: bytes.span)) }
/// ```
///
/// - Specification: §5 of `spec/mopz.md`; `spec/reference/dump_mopz.py` lists the same.
public struct ContainerAnnotation: Sendable {
  private let bytes: Bytes

  /// An explanation of a file's bytes.
  public init(_ bytes: Bytes) { self.bytes = bytes }

  /// Hands out the annotations, from the first byte to the last.
  ///
  /// - Complexity: O(bytes), most of it for gaps, which are looked at; memory for the
  ///   tables of blocks.
  public func forEach(_ body: @escaping (ByteAnnotation) -> Void) {
    let annotator = ByteAnnotator(bytes, sink: body)
    annotator.begin("5.1 Header page")
    annotator.structure(Structures.header)
    annotator.zeros(upTo: FormatConstants.pageByteCount, "reserved")
    tellSlots(annotator)
    guard let map = ContainerMap(bytes) else {
      annotator.begin("Bytes that no slot leads to")
      return annotator.payload(annotator.remainingByteCount, "bytes of no region")
    }
    for region in map.regions {
      // What overlaps the region before cannot be told twice.
      guard region.offset >= annotator.position else { continue }
      tellGap(annotator, upTo: region.offset, alignment: region.alignment)
      tell(region, map, annotator)
    }
    tellGap(annotator, upTo: map.committedByteCount, alignment: 1)
    if annotator.remainingByteCount > 0 {
      annotator.begin("Past Committed_Length")
      annotator.payload(annotator.remainingByteCount, "bytes of no commit")
    }
  }

  private func tellSlots(_ annotator: ByteAnnotator) {
    let page = FormatConstants.pageByteCount
    for (name, start) in [
      ("A", FormatConstants.slotOffsets.a), ("B", FormatConstants.slotOffsets.b),
    ] where annotator.remainingByteCount > 0 {
      annotator.begin("5.2 Commit slot \(name)")
      let end = min(start + page, bytes.count)
      if bytes.span.extracting(start..<end).isAllZero {
        annotator.zeros(upTo: end, "unused")
      } else {
        annotator.structure(Structures.slot)
        annotator.zeros(upTo: start + page, "reserved")
      }
    }
  }

  /// What lies between two regions: a gap, or bytes that belong to none.
  private func tellGap(_ annotator: ByteAnnotator, upTo end: Int, alignment: Int) {
    guard end > annotator.position else { return }
    if end - annotator.position >= alignment {
      annotator.begin("Bytes of no region")
      annotator.zeros(upTo: end, "bytes of no region")
    } else {
      annotator.zeros(upTo: end, "gap")
    }
  }

  private func tell(_ region: ContainerMap.Region, _ map: ContainerMap, _ annotator: ByteAnnotator)
  {
    switch region.content {
    case .block(let block): tell(block, annotator)
    case .record(let name): RecordAnnotation(bytes, region.range, name: name).tell(annotator)
    case .indexSegment:
      annotator.begin("5.6 Block index segment")
      annotator.structure(Structures.indexSegment)
      while annotator.position + BlockIndexEntry.byteCount <= region.end {
        annotator.structure(Structures.indexEntry)
      }
      annotator.payload(region.end - annotator.position, "part of an entry")
    case .directory: tellDirectory(region, map, annotator)
    case .dead:
      annotator.begin("5.3 Dead extent")
      annotator.payload(region.byteCount, "dead bytes")
    }
  }

  private func tell(_ block: ContainerMap.Block, _ annotator: ByteAnnotator) {
    annotator.begin("5.5 Block: \(block.description)")
    let end = Int(block.row.offset + block.row.storedLength)
    switch BlockCodec(rawValue: block.row.codec) {
    case .planes:
      if tellPlanes(of: block, upTo: end, annotator) { return }
      annotator.payload(end - annotator.position, "stored bytes")
    case .rowsInt8:
      let rows = block.dimensions.first.flatMap { Int(exactly: $0) } ?? 0
      guard rows <= (end - annotator.position) / 4 else {
        return annotator.payload(end - annotator.position, "stored bytes")
      }
      let elements = annotator.position + RowsInt8.elementsOffset(rows: rows)
      annotator.payload(4 * rows, "scales")
      annotator.zeros(upTo: min(elements, end), "padding")
      annotator.payload(end - annotator.position, "elements")
    default: annotator.payload(end - annotator.position, "elements")
    }
  }

  /// - Returns: False if the lengths of the planes do not fill the block; nothing is told
  ///   then.
  private func tellPlanes(
    of block: ContainerMap.Block, upTo end: Int, _ annotator: ByteAnnotator
  ) -> Bool {
    let span = bytes.span
    let start = annotator.position
    guard let dtype = DType(rawValue: block.row.storedDType) else { return false }
    let width = dtype.bitCount / 8
    let head = PlaneElements.headByteCount(width: width)
    guard width > 0, end - start >= head, span.u32(start) == width else { return false }
    let fields = (0..<width).map { span.u64(start + 8 + 8 * $0) }
    var rest = end - start - head
    for field in fields {
      let length = field & ~PlaneElements.compressedBit
      guard length <= UInt64(rest) else { return false }
      rest -= Int(length)
    }
    guard rest == 0 else { return false }
    annotator.field(4, "Plane_Count", JSON(width), meaning: "\(width)")
    annotator.zeros(upTo: start + 8, "reserved")
    for field in fields {
      let length = field & ~PlaneElements.compressedBit
      let form = field == length ? "stored" : "compressed"
      annotator.field(8, "Plane_Length", JSON(length), meaning: "\(length) \(form)")
    }
    for (number, field) in fields.enumerated() {
      annotator.payload(Int(field & ~PlaneElements.compressedBit), "plane \(number)")
    }
    return true
  }

  private func tellDirectory(
    _ region: ContainerMap.Region, _ map: ContainerMap, _ annotator: ByteAnnotator
  ) {
    let start = region.offset
    let header = DirectoryHeader(parsing: bytes.span, at: start)
    annotator.begin("5.3 Directory")
    annotator.structure(Structures.directory)
    for name in map.names {
      annotator.begin("entry of \(name)")
      annotator.structure(Structures.entry)
    }
    guard map.isDirectoryWhole else {
      return annotator.payload(region.end - annotator.position, "rest of the directory")
    }
    if header.namesLength > 0 {
      annotator.begin("names heap")
      annotator.payload(Int(header.namesLength), "text")
      annotator.zeros(upTo: start + Int(header.deadOffset), "padding")
    }
    if header.deadCount > 0 { annotator.begin("dead extents") }
    for _ in 0..<header.deadCount { annotator.structure(Structures.deadExtent) }
  }
}
