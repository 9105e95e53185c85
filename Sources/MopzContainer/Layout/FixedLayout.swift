import MopzBytes
import MopzDigest

/// A structure of fixed size, with its one parse and its one write.
///
/// Parsing checks nothing but bounds: codes and ranges stay numbers until the
/// rules about them have been checked.
protocol FixedLayout {
  /// The number of bytes.
  static var byteCount: Int { get }

  /// Reads the structure.
  ///
  /// - Precondition: `byteCount` bytes from `offset` lie within the span.
  init(parsing bytes: RawSpan, at offset: Int)

  /// Writes the structure over zero bytes.
  ///
  /// - Precondition: `byteCount` bytes from `offset` lie within the span.
  func write(to bytes: inout MutableRawSpan, at offset: Int)

  /// Whether the structure's reserved bytes are zero.
  ///
  /// - Precondition: As for parsing.
  static func reservedIsZero(in bytes: RawSpan, at offset: Int) -> Bool
}

extension FixedLayout {
  static func reservedIsZero(in bytes: RawSpan, at offset: Int) -> Bool { true }

  /// The structure alone, as bytes.
  var bytes: Bytes {
    Bytes(byteCount: Self.byteCount) { write(to: &$0, at: 0) }
  }
}

extension RawSpan {
  /// Integers with their low byte first, by their size.
  @inline(__always) func u8(_ offset: Int) -> UInt8 { byte(at: offset) }
  @inline(__always) func u16(_ offset: Int) -> UInt16 {
    loadLittleEndian(fromByteOffset: offset, as: UInt16.self)
  }
  @inline(__always) func u32(_ offset: Int) -> UInt32 {
    loadLittleEndian(fromByteOffset: offset, as: UInt32.self)
  }
  @inline(__always) func u64(_ offset: Int) -> UInt64 {
    loadLittleEndian(fromByteOffset: offset, as: UInt64.self)
  }
}

extension MutableRawSpan {
  /// Stores integers with their low byte first.
  @_lifetime(self: copy self)
  mutating func put(_ value: some FixedWidthInteger & BitwiseCopyable, _ offset: Int) {
    storeLittleEndian(value, toByteOffset: offset)
  }

  /// Stores a digest.
  @_lifetime(self: copy self)
  mutating func put(_ digest: Digest128, _ offset: Int) {
    put(digest.low, offset)
    put(digest.high, offset + 8)
  }
}
