extension JSONScanner {
  /// Reads a string.
  ///
  /// - Throws: ``JSONError`` for control characters, invalid escapes, halves of
  ///   surrogate pairs and invalid UTF-8.
  /// - Complexity: O(length); a string without escapes is copied once.
  @_lifetime(self: copy self)
  public mutating func readString() throws(JSONError) -> String {
    let first = try firstByte()
    guard first == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte(first), at: offset) }
    let start = offset + 1
    let end = try endOfPlainRun(from: start)
    if span.byte(at: end) == UInt8(ascii: "\"") {
      guard let text = span.text(in: start..<end) else { throw JSONError(.notUTF8, at: start) }
      offset = end + 1
      return text
    }
    return try readEscapedString(from: start)
  }

  /// The offset of the next quotation mark or backslash.
  private func endOfPlainRun(from start: Int) throws(JSONError) -> Int {
    var offset = start
    while offset < span.byteCount {
      let byte = span.byte(at: offset)
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return offset }
      guard byte >= 0x20 else { throw JSONError(.controlCharacter(byte), at: offset) }
      offset += 1
    }
    throw JSONError(.unexpectedEnd, at: offset)
  }

  /// Reads the rest of a string that has escapes, into a buffer.
  @_lifetime(self: copy self)
  private mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
    var buffer: [UInt8] = []
    var position = start
    while true {
      let end = try endOfPlainRun(from: position)
      for index in position..<end { buffer.append(span.byte(at: index)) }
      if span.byte(at: end) == UInt8(ascii: "\"") {
        offset = end + 1
        break
      }
      position = end + 1
      try appendEscape(at: &position, to: &buffer)
    }
    guard let text = buffer.span.rawBytes.text else { throw JSONError(.notUTF8, at: start) }
    return text
  }

  /// Reads what follows a backslash.
  private func appendEscape(
    at position: inout Int, to buffer: inout [UInt8]
  ) throws(JSONError) {
    guard position < span.byteCount else { throw JSONError(.unexpectedEnd, at: position) }
    let letter = span.byte(at: position)
    position += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(letter)
    case UInt8(ascii: "b"): buffer.append(0x08)
    case UInt8(ascii: "f"): buffer.append(0x0C)
    case UInt8(ascii: "n"): buffer.append(0x0A)
    case UInt8(ascii: "r"): buffer.append(0x0D)
    case UInt8(ascii: "t"): buffer.append(0x09)
    case UInt8(ascii: "u"): try appendCodePoint(at: &position, to: &buffer)
    default: throw JSONError(.invalidEscape, at: position - 2)
    }
  }

  /// Reads the digits of `\uXXXX`, and of the second half of a pair.
  private func appendCodePoint(
    at position: inout Int, to buffer: inout [UInt8]
  ) throws(JSONError) {
    let start = position - 2
    var value = try readHexadecimal(at: &position)
    if value & 0xFC00 == 0xD800 {
      guard position + 1 < span.byteCount, span.byte(at: position) == UInt8(ascii: "\\"),
        span.byte(at: position + 1) == UInt8(ascii: "u")
      else { throw JSONError(.unpairedSurrogate, at: start) }
      position += 2
      let low = try readHexadecimal(at: &position)
      guard low & 0xFC00 == 0xDC00 else { throw JSONError(.unpairedSurrogate, at: start) }
      value = 0x10000 + (value & 0x3FF) << 10 + (low & 0x3FF)
    }
    guard let scalar = Unicode.Scalar(value) else {
      throw JSONError(.unpairedSurrogate, at: start)
    }
    buffer.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
  }

  private func readHexadecimal(at position: inout Int) throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard position < span.byteCount else { throw JSONError(.unexpectedEnd, at: position) }
      let byte = span.byte(at: position)
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw JSONError(.invalidEscape, at: position)
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
