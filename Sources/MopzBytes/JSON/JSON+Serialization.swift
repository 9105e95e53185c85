extension JSON {
  /// The value as UTF-8.
  ///
  /// Members keep their order, numbers their spelling. Text beyond ASCII is written as
  /// it is; only quotation marks, backslashes and control characters are escaped,
  /// the latter as `\b \t \n \f \r` or `\u00xx` with lower-case digits.
  ///
  /// - Parameter pretty: One member or element a line, indented by two spaces, as
  ///   Python's `json.dumps(value, indent=2, ensure_ascii=False)` writes it; otherwise
  ///   no white space at all. Neither ends with a line break.
  /// - Complexity: O(n).
  public func serialized(pretty: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes, indentation: pretty ? 0 : nil)
    return bytes
  }

  /// The value as text, as ``serialized(pretty:)`` writes it.
  public func serializedText(pretty: Bool = false) -> String {
    String(decoding: serialized(pretty: pretty), as: UTF8.self)
  }

  /// Appends a string with its quotation marks and escapes.
  ///
  /// - Complexity: O(n).
  public static func appendString(_ string: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    defer { bytes.append(UInt8(ascii: "\"")) }
    let needsEscapes = string.utf8.contains { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }
    guard needsEscapes else { return bytes.append(contentsOf: string.utf8) }
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0x08: bytes.append(contentsOf: [0x5C, UInt8(ascii: "b")])
      case 0x09: bytes.append(contentsOf: [0x5C, UInt8(ascii: "t")])
      case 0x0A: bytes.append(contentsOf: [0x5C, UInt8(ascii: "n")])
      case 0x0C: bytes.append(contentsOf: [0x5C, UInt8(ascii: "f")])
      case 0x0D: bytes.append(contentsOf: [0x5C, UInt8(ascii: "r")])
      case 0..<0x20:
        bytes.append(contentsOf: "\\u00".utf8)
        for digit in [byte >> 4, byte & 15] {
          bytes.append(digit < 10 ? 0x30 + digit : UInt8(ascii: "a") + digit - 10)
        }
      default: bytes.append(byte)
      }
    }
  }

  /// - Parameter indentation: The columns of the line that this value begins on; nil for
  ///   the compact form.
  private func append(to bytes: inout [UInt8], indentation: Int?) {
    switch self {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
    case .number(let value): bytes.append(contentsOf: value.text.utf8)
    case .string(let value): JSON.appendString(value, to: &bytes)
    case .array(let values):
      bytes.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        JSON.appendSeparator(to: &bytes, isFirst: index == 0, indentation: indentation)
        value.append(to: &bytes, indentation: indentation.map { $0 + 2 })
      }
      JSON.appendEnd("]", to: &bytes, isEmpty: values.isEmpty, indentation: indentation)
    case .object(let object):
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in object.members.enumerated() {
        JSON.appendSeparator(to: &bytes, isFirst: index == 0, indentation: indentation)
        JSON.appendString(member.key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        if indentation != nil { bytes.append(UInt8(ascii: " ")) }
        member.value.append(to: &bytes, indentation: indentation.map { $0 + 2 })
      }
      JSON.appendEnd("}", to: &bytes, isEmpty: object.isEmpty, indentation: indentation)
    }
  }

  private static func appendSeparator(
    to bytes: inout [UInt8], isFirst: Bool, indentation: Int?
  ) {
    if !isFirst { bytes.append(UInt8(ascii: ",")) }
    if let indentation { appendLineBreak(to: &bytes, indentation: indentation + 2) }
  }

  private static func appendEnd(
    _ bracket: Unicode.Scalar, to bytes: inout [UInt8], isEmpty: Bool, indentation: Int?
  ) {
    if let indentation, !isEmpty { appendLineBreak(to: &bytes, indentation: indentation) }
    bytes.append(UInt8(ascii: bracket))
  }

  private static func appendLineBreak(to bytes: inout [UInt8], indentation: Int) {
    bytes.append(0x0A)
    for _ in 0..<indentation { bytes.append(0x20) }
  }
}
