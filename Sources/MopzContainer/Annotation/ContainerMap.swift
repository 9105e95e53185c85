import MopzBytes
import MopzTensors

/// Where the regions of a file seem to lie, damaged or not.
///
/// Nothing is believed but bounds: what lies outside of the file is left out.
///
/// - Specification: §5.7 of `spec/mopz.md`.
struct ContainerMap {
  /// A run of bytes with one purpose.
  struct Region {
    enum Content {
      case block(Block)
      /// The record of a task, by its name in quotation marks.
      case record(String)
      case indexSegment, directory, dead
    }

    var offset: Int
    var byteCount: Int
    var content: Content

    var end: Int { offset + byteCount }
    var range: Range<Int> { offset..<end }

    /// What the region's offset is a multiple of.
    var alignment: Int {
      if case .block(let block) = content { return block.row.alignment }
      return FormatConstants.regionAlignment
    }
  }

  /// A block and its users.
  struct Block: CustomStringConvertible {
    var row: BlockRow
    var dimensions: [UInt64]
    /// The first task that lists the block, in quotation marks.
    var user: String
    fileprivate(set) var userCount = 1
    fileprivate var lastTask: Int

    /// Type, shape, codec and users.
    var description: String {
      let shape = "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
      let codec = BlockCodec(rawValue: row.codec)?.name ?? "codec \(row.codec)"
      let stored =
        row.storedDType == row.dtype ? "" : " in \(Self.name(of: row.storedDType))"
      let others = userCount > 1 ? " and \(userCount - 1) more" : ""
      return "\(Self.name(of: row.dtype)) \(shape), \(codec)\(stored), of \(user)\(others)"
    }

    private static func name(of code: UInt8) -> String {
      DType(rawValue: code)?.code ?? "type \(code)"
    }
  }

  /// The regions in the order of their offsets.
  private(set) var regions: [Region] = []
  /// The names of the entries, in quotation marks.
  private(set) var names: [String] = []
  /// Whether names and dead extents lie where the directory's header says.
  private(set) var isDirectoryWhole = false
  let committedByteCount: Int

  private let bytes: Bytes
  private var blocks: [UInt64: Block] = [:]

  /// The map of a file, or nil if no slot leads anywhere.
  init?(_ bytes: Bytes) {
    guard bytes.count >= FormatConstants.headerByteCount,
      let slot = try? SlotPair(bytes.span).newest()
    else { return nil }
    self.bytes = bytes
    committedByteCount = Int(clamping: min(slot.committedLength, UInt64(bytes.count)))
    addDirectory(slot)
    addSegments(slot.blockIndex)
    for block in blocks.values {
      add(block.row.offset, block.row.storedLength, .block(block))
    }
    regions.sort { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
  }

  /// Adds a region that lies between the header and the end of the commit.
  private mutating func add(_ offset: UInt64, _ count: UInt64, _ content: Region.Content) {
    guard count > 0, offset >= UInt64(FormatConstants.headerByteCount),
      let range = ByteRange(offset: offset, count: count, within: committedByteCount)
    else { return }
    regions.append(Region(offset: range.offset, byteCount: range.count, content: content))
  }

  private mutating func addDirectory(_ slot: CommitSlot) {
    let bytes = bytes
    let span = bytes.span
    guard slot.directoryLength >= UInt64(DirectoryHeader.byteCount),
      let range = ByteRange(
        offset: slot.directoryOffset, count: slot.directoryLength, within: committedByteCount)
    else { return }
    add(slot.directoryOffset, slot.directoryLength, .directory)
    let header = DirectoryHeader(parsing: span, at: range.offset)
    let room = (range.count - DirectoryHeader.byteCount) / TaskEntry.byteCount
    let count = Int(clamping: min(header.taskCount, UInt64(room)))
    isDirectoryWhole =
      header.taskCount == UInt64(count)
      && header.hasConsistentLengths(directoryLength: slot.directoryLength)
    for index in 0..<count {
      let entry = TaskEntry(
        parsing: span,
        at: range.offset + DirectoryHeader.byteCount + index * TaskEntry.byteCount)
      let name = name(of: entry, header, range) ?? "entry \(index)"
      names.append(name)
      addRecord(of: entry, named: name, index)
    }
    guard isDirectoryWhole else { return }
    for index in 0..<Int(header.deadCount) {
      let extent = DeadExtent(
        parsing: span,
        at: range.offset + Int(header.deadOffset) + index * DeadExtent.byteCount)
      add(extent.offset, extent.length, .dead)
    }
  }

  private func name(
    of entry: TaskEntry, _ header: DirectoryHeader, _ directory: ByteRange
  ) -> String? {
    guard isDirectoryWhole,
      let range = ByteRange(
        offset: UInt64(entry.nameOffset), count: UInt64(entry.nameLength),
        within: Int(header.namesLength))
    else { return nil }
    let start = directory.offset + Int(header.namesOffset) + range.offset
    return bytes.span.text(in: start..<(start + range.count))?.quoted
  }

  private mutating func addRecord(of entry: TaskEntry, named name: String, _ task: Int) {
    add(entry.recordOffset, entry.recordLength, .record(name))
    guard
      let range = ByteRange(
        offset: entry.recordOffset, count: entry.recordLength, within: committedByteCount)
    else { return }
    let bytes = bytes
    let span = bytes.span.extracting(range.range)
    guard let layout = RecordLayout(statedBy: span) else { return }
    for index in 0..<layout.count(.blocks) {
      let row = BlockRow(
        parsing: span, at: layout.offset(.blocks) + index * BlockRow.byteCount)
      guard row.storedLength > 0 else { continue }
      if var block = blocks[row.offset] {
        if block.lastTask != task { block.userCount += 1 }
        block.lastTask = task
        blocks[row.offset] = block
        continue
      }
      let first = Int(row.firstDimension)
      let end = min(first + Int(row.dimensionCount), layout.count(.dimensions))
      let dimensions =
        first < end
        ? (first..<end).map { index in
          span.u64(layout.offset(.dimensions) + 8 * index)
        } : []
      blocks[row.offset] = Block(row: row, dimensions: dimensions, user: name, lastTask: task)
    }
  }

  /// Adds the segments of the block index as far as the chain leads backwards.
  private mutating func addSegments(_ newest: SegmentReference) {
    var reference = newest
    var end = committedByteCount
    while reference.length >= UInt64(BlockIndexHeader.byteCount),
      let range = ByteRange(offset: reference.offset, count: reference.length, within: end)
    {
      add(reference.offset, reference.length, .indexSegment)
      end = range.offset
      reference = BlockIndexHeader(parsing: bytes.span, at: range.offset).previous
    }
  }
}
