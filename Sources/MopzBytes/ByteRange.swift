/// A range of bytes that is known to lie within a known length.
///
/// The only way from two numbers of a file to a range that may be used: the sum
/// is checked for overflow and against the bytes that there are.
public struct ByteRange: Hashable, Sendable {
  /// The first byte's offset.
  public let offset: Int
  /// The number of bytes.
  public let count: Int

  /// The range, or nil if it does not lie within `length` bytes.
  public init?(offset: UInt64, count: UInt64, within length: Int) {
    let (end, overflow) = offset.addingReportingOverflow(count)
    guard !overflow, length >= 0, end <= UInt64(length) else { return nil }
    self.offset = Int(offset)
    self.count = Int(count)
  }

  /// The offset after the last byte.
  public var end: Int { offset + count }

  /// The range as Swift's half-open range.
  public var range: Range<Int> { offset..<(offset + count) }
}
