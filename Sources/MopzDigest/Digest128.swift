/// A hash of 128 bits.
///
/// Digests are ordered as numbers, which is also the order of their ``hex``. A digest
/// is no signature: XXH3 finds accidents, not forgeries.
public struct Digest128: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The number of bytes of the stored form.
  public static let byteCount = 16

  /// The low 64 bits.
  public var low: UInt64
  /// The high 64 bits.
  public var high: UInt64

  /// Makes a digest from its halves.
  public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// All bits zero.
  public static let zero = Digest128(low: 0, high: 0)

  /// Reads the stored form: the low half, then the high half, each with its low byte
  /// first.
  ///
  /// - Precondition: The 16 bytes from `offset` lie within the span.
  public init(littleEndian span: RawSpan, at offset: Int = 0) {
    precondition(offset >= 0 && offset <= span.byteCount - Self.byteCount)
    // SAFETY: the range was checked, and every bit pattern is an integer.
    unsafe low = UInt64(
      littleEndian: span.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    unsafe high = UInt64(
      littleEndian: span.unsafeLoadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
  }

  /// Writes the stored form.
  ///
  /// - Precondition: The 16 bytes from `offset` lie within the span.
  public func store(to span: inout MutableRawSpan, at offset: Int = 0) {
    precondition(offset >= 0 && offset <= span.byteCount - Self.byteCount)
    span.storeBytes(of: low.littleEndian, toByteOffset: offset, as: UInt64.self)
    span.storeBytes(of: high.littleEndian, toByteOffset: offset + 8, as: UInt64.self)
  }

  /// The 16 bytes of the stored form.
  public var littleEndianBytes: [UInt8] {
    (0..<8).map { UInt8(low >> ($0 * 8) & 0xFF) } + (0..<8).map { UInt8(high >> ($0 * 8) & 0xFF) }
  }

  /// 32 lower-case hexadecimal digits, the highest first, as `xxhsum -H2` prints them.
  public var hex: String { Self.hexadecimal(high) + Self.hexadecimal(low) }

  /// The digest that 32 hexadecimal digits spell, or nil.
  public init?(hex: String) {
    let digits = Array(hex.utf8)
    guard digits.count == 32, digits.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
      let high = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16),
      let low = UInt64(String(decoding: digits[16...], as: UTF8.self), radix: 16)
    else { return nil }
    self.init(low: low, high: high)
  }

  /// The same as ``hex``.
  public var description: String { hex }

  /// Whether the left one is the smaller number.
  public static func < (a: Digest128, b: Digest128) -> Bool {
    (a.high, a.low) < (b.high, b.low)
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
