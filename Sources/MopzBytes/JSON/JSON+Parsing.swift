extension JSON {
  /// Reads a text that is one JSON value and nothing else (RFC 8259).
  ///
  /// Strict: UTF-8 without byte order mark, no duplicate keys (compared after escapes
  /// are resolved), no half surrogate pairs, nothing after the value.
  ///
  /// - Throws: ``JSONError`` with the offset of the first thing that is wrong.
  /// - Complexity: O(n) on average; memory is bounded by the limits.
  public init(parsing span: RawSpan, limits: JSONLimits = .standard) throws(JSONError) {
    var scanner = try JSONScanner(span, limits: limits)
    var valueCount = 0
    self = try scanner.readValue(counting: &valueCount)
    try scanner.finish()
  }

  /// Reads the UTF-8 of a string, as the other initialiser does.
  ///
  /// - Throws: ``JSONError`` with the offset in bytes of the UTF-8.
  public init(parsing text: String, limits: JSONLimits = .standard) throws(JSONError) {
    let bytes = Array(text.utf8)
    try self.init(parsing: bytes.span.rawBytes, limits: limits)
  }
}

extension JSONScanner {
  /// Reads the next value with everything in it, and refuses duplicate keys.
  ///
  /// - Throws: ``JSONError``.
  @_lifetime(self: copy self)
  public mutating func readValue() throws(JSONError) -> JSON {
    var valueCount = 0
    return try readValue(counting: &valueCount)
  }

  @_lifetime(self: copy self)
  mutating func readValue(counting valueCount: inout Int) throws(JSONError) -> JSON {
    let kind = try peekKind()
    valueCount += 1
    guard valueCount <= limits.valueCountMax else {
      throw JSONError(.tooManyValues(limit: limits.valueCountMax), at: offset)
    }
    switch kind {
    case .null:
      try readNull()
      return .null
    case .bool: return .bool(try readBool())
    case .number: return .number(try readNumber())
    case .string: return .string(try readString())
    case .array:
      var values: [JSON] = []
      try beginArray()
      while try nextElement() { values.append(try readValue(counting: &valueCount)) }
      return .array(values)
    case .object:
      var object = JSONObject()
      try beginObject()
      while let key = try nextKey() {
        let start = keyOffset
        let value = try readValue(counting: &valueCount)
        guard object.append(key: key, value: value) else {
          throw JSONError(.duplicateKey(key), at: start)
        }
      }
      return .object(object)
    }
  }
}
