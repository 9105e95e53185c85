import MopzBytes
import MopzDigest

/// The first 64 bytes of a block index segment.
///
/// - Specification: §5.6 of `spec/mopz.md`.
struct BlockIndexHeader: FixedLayout, Hashable, Sendable {
  static let byteCount = 64

  var magic: UInt64 = FormatConstants.blockIndexMagic
  var entryCount: UInt64
  var previous: SegmentReference

  init(entryCount: Int, previous: SegmentReference) {
    self.entryCount = UInt64(entryCount)
    self.previous = previous
  }

  init(parsing bytes: RawSpan, at offset: Int) {
    magic = bytes.u64(offset)
    entryCount = bytes.u64(offset + 8)
    previous = SegmentReference(parsing: bytes, at: offset + 16)
  }

  func write(to bytes: inout MutableRawSpan, at offset: Int) {
    bytes.put(magic, offset)
    bytes.put(entryCount, offset + 8)
    previous.write(to: &bytes, at: offset + 16)
  }

  static func reservedIsZero(in bytes: RawSpan, at offset: Int) -> Bool {
    bytes.u64(offset + 48) == 0 && bytes.u64(offset + 56) == 0
  }
}

/// One stored block in a block index segment.
struct BlockIndexEntry: FixedLayout, Hashable, Sendable, Comparable {
  static let byteCount = 32

  var contentHash: Digest128
  var offset: UInt64
  var storedLength: UInt64

  init(contentHash: Digest128, offset: UInt64, storedLength: UInt64) {
    self.contentHash = contentHash
    self.offset = offset
    self.storedLength = storedLength
  }

  init(parsing bytes: RawSpan, at start: Int) {
    contentHash = Digest128(littleEndian: bytes, at: start)
    offset = bytes.u64(start + 16)
    storedLength = bytes.u64(start + 24)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(contentHash, start)
    bytes.put(offset, start + 16)
    bytes.put(storedLength, start + 24)
  }

  static func < (a: BlockIndexEntry, b: BlockIndexEntry) -> Bool {
    a.contentHash == b.contentHash ? a.offset < b.offset : a.contentHash < b.contentHash
  }
}
