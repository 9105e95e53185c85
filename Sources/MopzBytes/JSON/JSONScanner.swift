/// A cursor that reads a JSON text piece by piece, without building values.
///
/// It checks grammar, UTF-8, escapes and depth, and is meant for texts that are too
/// large for a tree of ``JSON``. It does not look for duplicate keys, which are the
/// caller's work.
///
/// ```swift
/// var scanner = JSONScanner(span)
/// try scanner.beginObject()
/// while let key = try scanner.nextKey() {
///   …
/// }
/// try scanner.finish()
/// ```
public struct JSONScanner: ~Escapable {
  /// What the next value is.
  public enum Kind: Hashable, Sendable {
    case null, bool, number, string, array, object
  }

  let span: RawSpan
  let limits: JSONLimits
  /// The offset of the next byte.
  public internal(set) var offset = 0
  /// How many arrays and objects are open.
  public private(set) var depth = 0
  /// The offset of the last key's quotation mark.
  public private(set) var keyOffset = 0
  /// Whether the next element or key is the first of its array or object.
  private var isFirst = false

  /// Begins at the start of a text.
  ///
  /// - Throws: ``JSONError`` if the text is longer than the limit.
  @_lifetime(copy span)
  public init(_ span: RawSpan, limits: JSONLimits = .standard) throws(JSONError) {
    self.span = span
    self.limits = limits
    guard span.byteCount <= limits.byteCountMax else {
      throw JSONError(.tooLong(limit: limits.byteCountMax), at: limits.byteCountMax)
    }
  }

  /// What the next value is, by its first byte.
  ///
  /// - Throws: ``JSONError`` if no value begins here.
  @_lifetime(self: copy self)
  public mutating func peekKind() throws(JSONError) -> Kind {
    switch try firstByte() {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case 0xEF: throw JSONError(.notUTF8, at: offset)
    case let byte: throw JSONError(.unexpectedByte(byte), at: offset)
    }
  }

  /// Steps into an object.
  @_lifetime(self: copy self)
  public mutating func beginObject() throws(JSONError) {
    try expect(UInt8(ascii: "{"))
    try deepen()
  }

  /// The next key of the object, or nil after its last member; the cursor then
  /// stands after the closing brace.
  @_lifetime(self: copy self)
  public mutating func nextKey() throws(JSONError) -> String? {
    guard try advanceInside(closing: UInt8(ascii: "}")) else { return nil }
    keyOffset = offset
    let key = try readString()
    try expect(UInt8(ascii: ":"))
    return key
  }

  /// Steps into an array.
  @_lifetime(self: copy self)
  public mutating func beginArray() throws(JSONError) {
    try expect(UInt8(ascii: "["))
    try deepen()
  }

  /// Whether the array has another element, which is then next; after the last one
  /// the cursor stands after the closing bracket.
  @_lifetime(self: copy self)
  public mutating func nextElement() throws(JSONError) -> Bool {
    try advanceInside(closing: UInt8(ascii: "]"))
  }

  /// Reads a number.
  @_lifetime(self: copy self)
  public mutating func readNumber() throws(JSONError) -> JSONNumber {
    _ = try firstByte()
    guard let end = JSONNumber.end(in: span, from: offset),
      let text = span.text(in: offset..<end)
    else { throw JSONError(.invalidNumber, at: offset) }
    // `01`, `1x` and `1.2.3` end where something else goes on.
    if end < span.byteCount, Self.continuesNumber(span.byte(at: end)) {
      throw JSONError(.invalidNumber, at: offset)
    }
    offset = end
    return JSONNumber(verbatim: text)
  }

  /// Reads a number without sign, fraction and exponent, without making a text.
  ///
  /// - Returns: The number, or nil if it is another kind of number or does not fit;
  ///   the cursor then has not moved.
  @_lifetime(self: copy self)
  public mutating func readUInt64() throws(JSONError) -> UInt64? {
    let first = try firstByte()
    guard first &- 0x30 < 10 else { return nil }
    var end = offset
    var value: UInt64 = 0
    while end < span.byteCount, case let digit = span.byte(at: end) &- 0x30, digit < 10 {
      let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.addingReportingOverflow(UInt64(digit))
      if tooLarge || overflow { return nil }
      value = sum
      end += 1
    }
    if first == UInt8(ascii: "0"), end > offset + 1 { return nil }
    if end < span.byteCount, Self.continuesNumber(span.byte(at: end)) { return nil }
    offset = end
    return value
  }

  /// Reads `true` or `false`.
  @_lifetime(self: copy self)
  public mutating func readBool() throws(JSONError) -> Bool {
    let isTrue = try firstByte() == UInt8(ascii: "t")
    try expectWord(isTrue ? "true" : "false")
    return isTrue
  }

  /// Reads `null`.
  @_lifetime(self: copy self)
  public mutating func readNull() throws(JSONError) {
    _ = try firstByte()
    try expectWord("null")
  }

  /// Reads the next value, whatever it is, and forgets it.
  ///
  /// - Returns: Its range of bytes.
  @_lifetime(self: copy self)
  public mutating func skipValue() throws(JSONError) -> Range<Int> {
    let kind = try peekKind()
    let start = offset
    switch kind {
    case .null: try readNull()
    case .bool: _ = try readBool()
    case .number: _ = try readNumber()
    case .string: _ = try readString()
    case .array:
      try beginArray()
      while try nextElement() { _ = try skipValue() }
    case .object:
      try beginObject()
      while try nextKey() != nil { _ = try skipValue() }
    }
    return start..<offset
  }

  /// Checks that nothing but white space follows.
  @_lifetime(self: copy self)
  public mutating func finish() throws(JSONError) {
    skipWhitespace()
    guard offset == span.byteCount else { throw JSONError(.trailingBytes, at: offset) }
  }
}

extension JSONScanner {
  /// Skips white space, and gives the byte at the cursor.
  @_lifetime(self: copy self)
  mutating func firstByte() throws(JSONError) -> UInt8 {
    skipWhitespace()
    guard offset < span.byteCount else { throw JSONError(.unexpectedEnd, at: offset) }
    return span.byte(at: offset)
  }

  @_lifetime(self: copy self)
  private mutating func skipWhitespace() {
    while offset < span.byteCount {
      switch span.byte(at: offset) {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  @_lifetime(self: copy self)
  private mutating func expect(_ byte: UInt8) throws(JSONError) {
    let found = try firstByte()
    guard found == byte else { throw JSONError(.unexpectedByte(found), at: offset) }
    offset += 1
  }

  @_lifetime(self: copy self)
  private mutating func expectWord(_ word: StaticString) throws(JSONError) {
    for expected in word.description.utf8 {
      guard offset < span.byteCount else { throw JSONError(.unexpectedEnd, at: offset) }
      let found = span.byte(at: offset)
      guard found == expected else { throw JSONError(.unexpectedByte(found), at: offset) }
      offset += 1
    }
  }

  @_lifetime(self: copy self)
  private mutating func deepen() throws(JSONError) {
    depth += 1
    guard depth <= limits.depthMax else {
      throw JSONError(.tooDeep(limit: limits.depthMax), at: offset - 1)
    }
    isFirst = true
  }

  /// Steps over a comma, or out of the array or object.
  @_lifetime(self: copy self)
  private mutating func advanceInside(closing: UInt8) throws(JSONError) -> Bool {
    let byte = try firstByte()
    if byte == closing {
      offset += 1
      depth -= 1
      isFirst = false
      return false
    }
    if isFirst {
      isFirst = false
      return true
    }
    guard byte == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte(byte), at: offset) }
    offset += 1
    let next = try firstByte()
    guard next != closing else { throw JSONError(.unexpectedByte(next), at: offset) }
    return true
  }

  /// Whether a byte right after a number shows that the whole is none.
  private static func continuesNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "+"),
      UInt8(ascii: "-"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: false
    }
  }
}
