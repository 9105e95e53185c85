import MopzBytes
import Testing

@Suite struct JSONScannerTests {
  @Test("a text is read piece by piece, and its parts can be skipped")
  func pieces() throws {
    let bytes = Bytes(utf8: #" {"skip":[1,{"x":[]}],"n":42,"list":["a",null,true] } "#)
    var scanner = try JSONScanner(bytes.span)
    try scanner.beginObject()
    let first = try scanner.nextKey()
    #expect(first == "skip")
    let skipped = try scanner.skipValue()
    #expect(bytes.slice(skipped).text == #"[1,{"x":[]}]"#)
    let second = try scanner.nextKey()
    #expect(second == "n" && scanner.keyOffset == 22)
    let number = try scanner.readUInt64()
    #expect(number == 42)
    let third = try scanner.nextKey()
    #expect(third == "list")
    try scanner.beginArray()
    var kinds: [JSONScanner.Kind] = []
    while try scanner.nextElement() {
      kinds.append(try scanner.peekKind())
      _ = try scanner.readValue()
    }
    #expect(kinds == [.string, .null, .bool])
    let last = try scanner.nextKey()
    #expect(last == nil && scanner.depth == 0)
    try scanner.finish()
  }

  @Test(
    "integers without sign are read without a text, and others are left where they are",
    arguments: [
      ("0", 0), ("18446744073709551615", .max), ("18446744073709551616", nil), ("-1", nil),
      ("1.5", nil), ("1e3", nil), ("01", nil), ("\"1\"", nil),
    ] as [(String, UInt64?)])
  func unsigned(text: String, value: UInt64?) throws {
    let bytes = Bytes(utf8: text)
    var scanner = try JSONScanner(bytes.span)
    let found = try scanner.readUInt64()
    #expect(found == value)
    #expect(scanner.offset == (value == nil ? 0 : bytes.count))
  }
}
