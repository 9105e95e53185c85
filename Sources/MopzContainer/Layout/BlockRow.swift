import MopzBytes
import MopzDigest

/// A row of the block table: where a block lies, how it is stored, and its hashes.
///
/// - Specification: §5.5 of `spec/mopz.md`.
struct BlockRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 64

  var offset: UInt64
  var storedLength: UInt64
  var logicalLength: UInt64
  var dtype: UInt8
  var codec: UInt8
  var storedDType: UInt8
  var dimensionCount: UInt8
  var firstDimension: UInt32
  var contentHash: Digest128
  var storedHash: Digest128

  init(
    offset: UInt64, storedLength: UInt64, logicalLength: UInt64, dtype: UInt8, codec: UInt8,
    storedDType: UInt8, dimensionCount: UInt8, firstDimension: UInt32, contentHash: Digest128,
    storedHash: Digest128
  ) {
    self.offset = offset
    self.storedLength = storedLength
    self.logicalLength = logicalLength
    self.dtype = dtype
    self.codec = codec
    self.storedDType = storedDType
    self.dimensionCount = dimensionCount
    self.firstDimension = firstDimension
    self.contentHash = contentHash
    self.storedHash = storedHash
  }

  @inline(__always)
  init(parsing bytes: RawSpan, at start: Int) {
    offset = bytes.u64(start)
    storedLength = bytes.u64(start + 8)
    logicalLength = bytes.u64(start + 16)
    dtype = bytes.u8(start + 24)
    codec = bytes.u8(start + 25)
    storedDType = bytes.u8(start + 26)
    dimensionCount = bytes.u8(start + 27)
    firstDimension = bytes.u32(start + 28)
    contentHash = Digest128(low: bytes.u64(start + 32), high: bytes.u64(start + 40))
    storedHash = Digest128(low: bytes.u64(start + 48), high: bytes.u64(start + 56))
  }

  /// What the block's offset is a multiple of (§5.7).
  var alignment: Int {
    storedLength >= UInt64(FormatConstants.largeBlockByteCount)
      && codec != BlockCodec.planes.rawValue
      ? FormatConstants.largeBlockAlignment : FormatConstants.regionAlignment
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(offset, start)
    bytes.put(storedLength, start + 8)
    bytes.put(logicalLength, start + 16)
    bytes.put(dtype, start + 24)
    bytes.put(codec, start + 25)
    bytes.put(storedDType, start + 26)
    bytes.put(dimensionCount, start + 27)
    bytes.put(firstDimension, start + 28)
    bytes.put(contentHash, start + 32)
    bytes.put(storedHash, start + 48)
  }
}
