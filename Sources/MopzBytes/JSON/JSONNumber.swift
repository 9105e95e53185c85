/// A JSON number in its own spelling.
///
/// Two numbers are equal if they are spelt the same: `1` and `1.0` are not.
public struct JSONNumber: Hashable, Sendable, CustomStringConvertible {
  /// The number as it is written.
  public let text: String

  /// Wraps a text that the parser has checked.
  init(verbatim text: String) { self.text = text }

  /// The number that a text spells, or nil if JSON's grammar has no such number.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    let span = bytes.span.rawBytes
    guard JSONNumber.end(in: span, from: 0) == span.byteCount else { return nil }
    self.text = text
  }

  /// An integer.
  public init(_ value: some BinaryInteger) { text = String(value) }

  /// The shortest text that reads back as `value`; nil if it is not finite.
  public init?(_ value: Double) {
    guard value.isFinite else { return nil }
    text = value.description
  }

  /// The shortest text that reads back as `value`; nil if it is not finite.
  public init?(_ value: Float) {
    guard value.isFinite else { return nil }
    text = value.description
  }

  /// The exact integer, or nil if the number has a fraction or an exponent or
  /// does not fit.
  public var int: Int? { exactly(as: Int.self) }

  /// The exact integer of a type, or nil as for ``int``.
  public func exactly<Value: FixedWidthInteger>(as type: Value.Type) -> Value? {
    Value(text, radix: 10)
  }

  /// The nearest `Double`, or nil if the number is beyond its range.
  public var double: Double? {
    guard let value = Double(text), value.isFinite else { return nil }
    return value
  }

  /// The number as it is written.
  public var description: String { text }

  /// Where the number that begins at `start` ends, or nil if none begins there.
  ///
  /// The grammar is `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
  static func end(in span: RawSpan, from start: Int) -> Int? {
    let count = span.byteCount
    var offset = start
    func byte(_ offset: Int) -> UInt8 { offset < count ? span.byte(at: offset) : 0 }
    func skipDigits(_ offset: inout Int) -> Bool {
      let first = offset
      while byte(offset) &- 0x30 < 10 { offset += 1 }
      return offset > first
    }
    if byte(offset) == UInt8(ascii: "-") { offset += 1 }
    if byte(offset) == UInt8(ascii: "0") {
      offset += 1
    } else if !skipDigits(&offset) {
      return nil
    }
    if byte(offset) == UInt8(ascii: ".") {
      offset += 1
      guard skipDigits(&offset) else { return nil }
    }
    if byte(offset) | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if byte(offset) == UInt8(ascii: "+") || byte(offset) == UInt8(ascii: "-") { offset += 1 }
      guard skipDigits(&offset) else { return nil }
    }
    return offset
  }
}
