import MopzBytes
import MopzDigest

/// One of the two pages that say which generation of the file counts.
///
/// - Specification: §5.2 of `spec/mopz.md`.
struct CommitSlot: FixedLayout, Hashable, Sendable {
  static let byteCount = 128
  /// The bytes that the root hash covers.
  static let hashedByteCount = 112

  var magic: UInt64 = FormatConstants.slotMagic
  var generation: UInt64
  var committedLength: UInt64 = 0
  var directoryOffset: UInt64 = 0
  var directoryLength: UInt64 = 0
  var directoryHash: Digest128 = .zero
  var blockIndex = SegmentReference.none
  var requiredFeatures: UInt64 = 0
  var ignorableFeatures: UInt64 = 0
  var taskCount: UInt64 = 0
  var rootHash: Digest128 = .zero

  /// A slot to be filled, then ``sealed()``.
  init(generation: UInt64) { self.generation = generation }

  init(parsing bytes: RawSpan, at offset: Int) {
    magic = bytes.u64(offset)
    generation = bytes.u64(offset + 8)
    committedLength = bytes.u64(offset + 16)
    directoryOffset = bytes.u64(offset + 24)
    directoryLength = bytes.u64(offset + 32)
    directoryHash = Digest128(littleEndian: bytes, at: offset + 40)
    blockIndex = SegmentReference(parsing: bytes, at: offset + 56)
    requiredFeatures = bytes.u64(offset + 88)
    ignorableFeatures = bytes.u64(offset + 96)
    taskCount = bytes.u64(offset + 104)
    rootHash = Digest128(littleEndian: bytes, at: offset + 112)
  }

  func write(to bytes: inout MutableRawSpan, at offset: Int) {
    bytes.put(magic, offset)
    bytes.put(generation, offset + 8)
    bytes.put(committedLength, offset + 16)
    bytes.put(directoryOffset, offset + 24)
    bytes.put(directoryLength, offset + 32)
    bytes.put(directoryHash, offset + 40)
    blockIndex.write(to: &bytes, at: offset + 56)
    bytes.put(requiredFeatures, offset + 88)
    bytes.put(ignorableFeatures, offset + 96)
    bytes.put(taskCount, offset + 104)
    bytes.put(rootHash, offset + 112)
  }

  /// The same slot with the root hash of its fields.
  func sealed() -> CommitSlot {
    var slot = self
    slot.rootHash = XXH3.hash128(bytes.span.extracting(0..<Self.hashedByteCount))
    return slot
  }

  /// Where the generation's slot lies: A for odd ones, B for even ones (SLT-5).
  var offset: Int {
    generation % 2 == 1 ? FormatConstants.slotOffsets.a : FormatConstants.slotOffsets.b
  }

  /// The slot's whole page.
  var page: Bytes {
    Bytes(byteCount: FormatConstants.pageByteCount) { write(to: &$0, at: 0) }
  }
}

/// Where a block index segment lies, and its hash; all zero for none.
struct SegmentReference: FixedLayout, Hashable, Sendable {
  static let byteCount = 32
  static let none = SegmentReference(offset: 0, length: 0, hash: .zero)

  var offset: UInt64
  var length: UInt64
  var hash: Digest128

  init(offset: UInt64, length: UInt64, hash: Digest128) {
    self.offset = offset
    self.length = length
    self.hash = hash
  }

  init(parsing bytes: RawSpan, at start: Int) {
    offset = bytes.u64(start)
    length = bytes.u64(start + 8)
    hash = Digest128(littleEndian: bytes, at: start + 16)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(offset, start)
    bytes.put(length, start + 8)
    bytes.put(hash, start + 16)
  }
}

/// What a reader must understand to read the blocks and tables of a commit.
///
/// - Specification: §12 of `spec/mopz.md`.
struct RequiredFeatures: OptionSet, Hashable, Sendable {
  let rawValue: UInt64

  /// Some block has codec planes.
  static let planes = RequiredFeatures(rawValue: 1 << 0)
  /// Some block has a narrower stored type.
  static let narrowed = RequiredFeatures(rawValue: 1 << 1)
  /// Some block has codec rows-int8.
  static let rowsInt8 = RequiredFeatures(rawValue: 1 << 2)
  static let known: RequiredFeatures = [.planes, .narrowed, .rowsInt8]
}
