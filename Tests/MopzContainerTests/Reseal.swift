import MopzBytes
import MopzDigest
import MopzTensors

@testable import MopzContainer

/// Makes every hash of a container agree with what it covers, so that rules about content
/// are met behind the hashes.
///
/// Nothing is taken for sound: what does not lie in the file is left as it is.
struct Reseal {
  /// The container, which becomes sealed.
  private(set) var bytes: [UInt8]
  /// The content hashes of blocks, by their offsets.
  private var contentHashes: [UInt64: Digest128] = [:]

  /// The container with its hashes made anew.
  ///
  /// - Parameter coversBlocks: Whether the hashes of blocks are made anew, too, and the
  ///   block index is put in order.
  static func reseal(_ original: [UInt8], coversBlocks: Bool = false) -> [UInt8] {
    var reseal = Reseal(bytes: original)
    for slotOffset in [4096, 8192] { reseal.seal(slotAt: slotOffset, coversBlocks: coversBlocks) }
    return reseal.bytes
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func seal(slotAt offset: Int, coversBlocks: Bool) {
    var slot = CommitSlot(parsing: bytes.span.rawBytes, at: offset)
    guard slot.magic == FormatConstants.slotMagic,
      let directory = ByteRange(
        offset: slot.directoryOffset, count: slot.directoryLength, within: bytes.count),
      directory.count >= DirectoryHeader.byteCount
    else { return }
    sealEntries(directory, coversBlocks: coversBlocks)
    store(hash64(directory.offset, DirectoryHeader.hashedByteCount), directory.offset + 48)
    slot.directoryHash = hash(directory.range)
    sealIndex(&slot.blockIndex, sorts: coversBlocks)
    replace(slot.sealed().bytes, at: offset)
  }

  private mutating func sealEntries(_ directory: ByteRange, coversBlocks: Bool) {
    let header = DirectoryHeader(parsing: bytes.span.rawBytes, at: directory.offset)
    let count = min(Int(clamping: header.taskCount), (directory.count - 64) / 96)
    for index in 0..<count {
      let offset = directory.offset + 64 + 96 * index
      var entry = TaskEntry(parsing: bytes.span.rawBytes, at: offset)
      if let record = ByteRange(
        offset: entry.recordOffset, count: entry.recordLength, within: bytes.count)
      {
        if coversBlocks { sealBlocks(of: record) }
        entry.recordHash = hash(record.range)
        replace(entry.recordHash.littleEndianBytes, at: offset + 24)
      }
      let (start, overflow) = header.namesOffset.addingReportingOverflow(UInt64(entry.nameOffset))
      guard !overflow,
        let name = ByteRange(
          offset: start, count: UInt64(entry.nameLength), within: directory.count)
      else { continue }
      let nameStart = directory.offset + name.offset
      let nameBytes = Bytes(Array(bytes[nameStart..<(nameStart + name.count)]))
      store(
        TaskEntry.hash(entry: bytes.span.rawBytes, at: offset, name: nameBytes.span), offset + 88)
    }
  }

  /// The hashes in a record's block table.
  private mutating func sealBlocks(of record: ByteRange) {
    guard record.count >= RecordLayout.headerByteCount else { return }
    var counts = [16 of UInt32](repeating: 0)
    for section in RecordSection.allCases {
      counts[section.rawValue] = bytes.span.rawBytes.u32(
        record.offset + RecordLayout.sectionTableOffset + 8 * section.rawValue + 4)
    }
    guard let layout = RecordLayout(counts: counts), layout.byteCount <= record.count else {
      return
    }
    for index in 0..<layout.count(.blocks) {
      let offset = record.offset + layout.offset(.blocks) + index * BlockRow.byteCount
      let row = BlockRow(parsing: bytes.span.rawBytes, at: offset)
      guard let stored = ByteRange(offset: row.offset, count: row.storedLength, within: bytes.count)
      else { continue }
      let first = Int(row.firstDimension)
      guard first + Int(row.dimensionCount) <= layout.count(.dimensions), row.dimensionCount <= 8
      else { continue }
      let dimensions = (0..<Int(row.dimensionCount)).map {
        bytes.span.rawBytes.u64(record.offset + layout.offset(.dimensions) + 8 * (first + $0))
      }
      let storedHash = hash(stored.range)
      replace(storedHash.littleEndianBytes, at: offset + 48)
      guard let content = contentHash(row, dimensions, stored, storedHash) else { continue }
      replace(content.littleEndianBytes, at: offset + 32)
      contentHashes[row.offset] = content
    }
  }

  /// The content hash of a small block that can be decoded.
  private func contentHash(
    _ row: BlockRow, _ dimensions: [UInt64], _ stored: ByteRange, _ storedHash: Digest128
  ) -> Digest128? {
    guard let dtype = DType(rawValue: row.dtype), let codec = BlockCodec(rawValue: row.codec),
      let storedDType = DType(rawValue: row.storedDType),
      dimensions.allSatisfy({ $0 <= 1 << 20 }), !dimensions.contains(0),
      let shape = Shape(checking: dimensions.map { Int($0) })
    else { return nil }
    guard let count = shape.byteCount(of: dtype), count <= 1 << 20,
      codec.permits(dtype, storedAs: storedDType), codec != .rowsInt8 || !dimensions.isEmpty
    else { return nil }
    var inner = storedHash
    if codec != .raw || storedDType != dtype {
      guard codec == .planes || UInt64(stored.count) == expectedLength(codec, storedDType, shape)
      else { return nil }
      let info = BlockInfo(
        range: stored.range, logicalByteCount: count, dtype: dtype, storedDType: storedDType,
        shape: shape, codec: codec)
      let storedBytes = Bytes(Array(bytes[stored.range]))
      guard let decoder = try? BlockDecoder(info, stored: storedBytes, .file),
        let logical = try? decoder.decoded()
      else { return nil }
      inner = XXH3.hash128(logical.span)
    }
    return ContentHash.hash(dtype, shape, bytes: inner)
  }

  private func expectedLength(_ codec: BlockCodec, _ dtype: DType, _ shape: Shape) -> UInt64 {
    if codec == .raw { return UInt64(shape.byteCount(of: dtype) ?? 0) }
    return UInt64(RowsInt8.elementsOffset(rows: shape.dimensions[0]) + shape.elementCount)
  }

  /// The chain of segments, the oldest first, so that each one's hash is there for the next.
  private mutating func sealIndex(_ newest: inout SegmentReference, sorts: Bool) {
    var chain: [(reference: SegmentReference, place: Int?)] = []
    var next = newest
    var place: Int?
    while let range = ByteRange(offset: next.offset, count: next.length, within: bytes.count),
      range.count >= BlockIndexHeader.byteCount,
      range.offset < chain.last.map({ Int($0.reference.offset) }) ?? .max
    {
      chain.append((next, place))
      place = range.offset + 32
      next = BlockIndexHeader(parsing: bytes.span.rawBytes, at: range.offset).previous
    }
    for (reference, place) in chain.reversed() {
      let start = Int(reference.offset)
      if sorts { sortEntries(start..<(start + Int(reference.length))) }
      let hash = hash(start..<(start + Int(reference.length)))
      if let place { replace(hash.littleEndianBytes, at: place) } else { newest.hash = hash }
    }
  }

  private mutating func sortEntries(_ segment: Range<Int>) {
    let count = (segment.count - BlockIndexHeader.byteCount) / BlockIndexEntry.byteCount
    let start = segment.lowerBound + BlockIndexHeader.byteCount
    var entries: [BlockIndexEntry] = []
    for index in 0..<count {
      var entry = BlockIndexEntry(
        parsing: bytes.span.rawBytes, at: start + index * BlockIndexEntry.byteCount)
      entry.contentHash = contentHashes[entry.offset] ?? entry.contentHash
      entries.append(entry)
    }
    for (index, entry) in entries.sorted().enumerated() {
      replace(entry.bytes, at: start + index * BlockIndexEntry.byteCount)
    }
  }

  private func hash(_ range: Range<Int>) -> Digest128 {
    XXH3.hash128(bytes.span.rawBytes.extracting(range))
  }

  private func hash64(_ offset: Int, _ count: Int) -> UInt64 {
    XXH3.hash64(bytes.span.rawBytes.extracting(offset..<(offset + count)))
  }

  private mutating func store(_ value: UInt64, _ offset: Int) {
    for byte in 0..<8 { bytes[offset + byte] = UInt8(value >> (8 * UInt64(byte)) & 0xFF) }
  }

  private mutating func replace(_ new: Bytes, at offset: Int) {
    replace([UInt8](copying: new.span), at: offset)
  }

  private mutating func replace(_ new: [UInt8], at offset: Int) {
    bytes.replaceSubrange(offset..<(offset + new.count), with: new)
  }
}
