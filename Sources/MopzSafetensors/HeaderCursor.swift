import MopzBytes

/// Reads the tokens of a header's JSON one after the other.
///
/// No tree is built: what a header may hold is known at each place, so a header
/// of a million tensors costs little more than the names in it, and one that is
/// refused costs no more than its bytes up to the reason.
struct HeaderCursor: ~Escapable {
  let bytes: Span<UInt8>
  let file: String
  var position = 0
  private var unescaped: [UInt8] = []

  @_lifetime(copy json)
  init(_ json: RawSpan, file: String) {
    bytes = json.octets
    self.file = file
  }

  /// An error at a place of the JSON; eight bytes of length lie before it.
  func error(
    _ rule: SafetensorsRule, at position: Int, tensor: String? = nil,
    _ detail: SafetensorsError.Detail = .none
  ) -> SafetensorsError {
    SafetensorsError(rule: rule, file: file, tensor: tensor, offset: 8 + position, detail: detail)
  }

  /// An error that quotes what stands at the cursor.
  func unexpected(
    _ rule: SafetensorsRule = .syntax, expected: String, tensor: String? = nil
  ) -> SafetensorsError {
    var end = position
    while end < bytes.count, end < position + 24, bytes[end] != 0x0a, bytes[end] != 0x0d {
      end += 1
    }
    var found: [UInt8] = []
    for index in position..<end { found.append(bytes[index]) }
    return error(
      rule, at: position, tensor: tensor,
      .unexpected(expected: expected, found: String(decoding: found, as: UTF8.self)))
  }

  /// The next byte that is no whitespace, which stays unread; nil at the end.
  mutating func peek() -> UInt8? {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      case let byte: return byte
      }
    }
    return nil
  }

  /// Reads one character of punctuation, after whitespace.
  mutating func expect(
    _ character: Unicode.Scalar, rule: SafetensorsRule = .syntax, tensor: String? = nil
  ) throws(SafetensorsError) {
    guard peek() == UInt8(ascii: character) else {
      throw unexpected(rule, expected: "'\(character)'", tensor: tensor)
    }
    position += 1
  }

  /// Reads a comma and says that there is more, or the closing character and says that there is not.
  mutating func another(before close: Unicode.Scalar) throws(SafetensorsError) -> Bool {
    switch peek() {
    case UInt8(ascii: ","):
      position += 1
      return true
    case UInt8(ascii: close):
      position += 1
      return false
    default: throw unexpected(expected: "',' or '\(close)'")
    }
  }

  /// Reads the closing character of an empty object or array, if it is next.
  mutating func isEmpty(until close: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: close) else { return false }
    position += 1
    return true
  }

  /// Reads a string, with its escapes resolved.
  mutating func string(
    rule: SafetensorsRule = .syntax, tensor: String? = nil
  ) throws(SafetensorsError) -> String {
    try expect("\"", rule: rule, tensor: tensor)
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let span = bytes.extracting(start..<position)
        position += 1
        do { return String(copying: try UTF8Span(validating: span)) } catch {
          throw self.error(.utf8, at: start, tensor: tensor)
        }
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start, tensor: tensor) }
      guard byte >= 0x20 else { throw unexpected(expected: "no control character in a string") }
      position += 1
    }
    throw unexpected(expected: "the end of a string")
  }

  /// Reads the rest of a string in which an escape was met.
  private mutating func escapedString(
    from start: Int, tensor: String?
  ) throws(SafetensorsError) -> String {
    unescaped.removeAll(keepingCapacity: true)
    for index in start..<position { unescaped.append(bytes[index]) }
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: unescaped, as: UTF8.self) else {
          throw error(.utf8, at: start, tensor: tensor)
        }
        return string
      case UInt8(ascii: "\\"): try escape()
      case 0..<0x20: throw unexpected(expected: "no control character in a string")
      default:
        unescaped.append(byte)
        position += 1
      }
    }
    throw unexpected(expected: "the end of a string")
  }

  /// Reads one escape into ``unescaped``.
  private mutating func escape() throws(SafetensorsError) {
    guard position + 1 < bytes.count else { throw unexpected(expected: "an escape") }
    let character = bytes[position + 1]
    let byte: UInt8
    switch character {
    case let same where "\"\\/".utf8.contains(same): byte = same
    case UInt8(ascii: "b"): byte = 0x08
    case UInt8(ascii: "f"): byte = 0x0c
    case UInt8(ascii: "n"): byte = 0x0a
    case UInt8(ascii: "r"): byte = 0x0d
    case UInt8(ascii: "t"): byte = 0x09
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw unexpected(expected: "an escape")
    }
    unescaped.append(byte)
    position += 2
  }

  /// Reads `\uXXXX`, or two of them that are a surrogate pair.
  private mutating func unicodeEscape() throws(SafetensorsError) {
    guard var code = codeUnit(at: position + 2) else {
      throw unexpected(expected: "four hexadecimal digits")
    }
    var length = 6
    if 0xd800..<0xdc00 ~= code, position + 7 < bytes.count,
      bytes[position + 6] == UInt8(ascii: "\\"), bytes[position + 7] == UInt8(ascii: "u"),
      let low = codeUnit(at: position + 8), 0xdc00..<0xe000 ~= low
    {
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
      length = 12
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw unexpected(expected: "a pair of surrogates")
    }
    unescaped.append(contentsOf: String(scalar).utf8)
    position += length
  }

  private func codeUnit(at start: Int) -> UInt32? {
    guard start <= bytes.count - 4 else { return nil }
    var value: UInt32 = 0
    for index in start..<(start + 4) {
      switch bytes[index] {
      case let digit where 0x30...0x39 ~= digit: value = value << 4 | UInt32(digit - 0x30)
      case let digit where 0x41...0x46 ~= digit: value = value << 4 | UInt32(digit - 0x41 + 10)
      case let digit where 0x61...0x66 ~= digit: value = value << 4 | UInt32(digit - 0x61 + 10)
      default: return nil
      }
    }
    return value
  }

  /// Reads a non-negative integer: digits without a leading zero, and no fraction or exponent.
  mutating func integer(tensor: String) throws(SafetensorsError) -> UInt64 {
    _ = peek()
    let start = position
    var value: UInt64 = 0
    var isSound = true
    while position < bytes.count, 0x30...0x39 ~= bytes[position] {
      let (product, high) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(bytes[position] - 0x30))
      value = sum
      if high || carry { isSound = false }
      position += 1
    }
    let count = position - start
    if count == 0 || (count > 1 && bytes[start] == 0x30) { isSound = false }
    if position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ","), UInt8(ascii: "]"): break
      default: isSound = false
      }
    }
    guard isSound else {
      position = start
      throw unexpected(.integer, expected: "a non-negative integer", tensor: tensor)
    }
    return value
  }
}
