import MopzBytes
import MopzDigest

/// The first page of a container.
///
/// - Specification: §5.1 of `spec/mopz.md`.
struct FileHeader: FixedLayout {
  static let byteCount = 32
  /// The bytes that the header's hash covers.
  static let hashedByteCount = 16

  var magic: UInt64
  var major: UInt16
  var minor: UInt16
  var headerSize: UInt32
  var headerHash: Digest128

  /// The header that this version writes.
  init() {
    magic = Self.magicNumber
    major = FormatVersion.major
    minor = FormatVersion.minor
    headerSize = UInt32(FormatConstants.headerByteCount)
    headerHash = .zero
    headerHash = XXH3.hash128(bytes.span.extracting(0..<Self.hashedByteCount))
  }

  init(parsing bytes: RawSpan, at offset: Int) {
    magic = bytes.u64(offset)
    major = bytes.u16(offset + 8)
    minor = bytes.u16(offset + 10)
    headerSize = bytes.u32(offset + 12)
    headerHash = Digest128(littleEndian: bytes, at: offset + 16)
  }

  func write(to bytes: inout MutableRawSpan, at offset: Int) {
    bytes.put(magic, offset)
    bytes.put(major, offset + 8)
    bytes.put(minor, offset + 10)
    bytes.put(headerSize, offset + 12)
    bytes.put(headerHash, offset + 16)
  }

  /// The magic bytes as the number that they store.
  static var magicNumber: UInt64 {
    var number: UInt64 = 0
    for index in FormatConstants.magic.indices.reversed() {
      number = number << 8 | UInt64(FormatConstants.magic[index])
    }
    return number
  }
}
