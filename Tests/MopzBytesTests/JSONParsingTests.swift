import MopzBytes
import MopzTestSupport
import Testing

@Suite struct JSONParsingTests {
  @Test(
    "texts of the grammar are accepted",
    arguments: [
      ("null", JSON.null), (" true\t\r\n", true), ("false", false), ("\"\"", ""), ("0", 0),
      ("[]", []), ("{}", [:]), ("[ 1 , [ ] , { } ]", [1, [], [:]]),
      (#"{"a":{"b":[null]},"":0}"#, ["a": ["b": [nil]], "": 0]),
      (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
      (#""\u0041\u00e9\u00E9\u20AC""#, "Aéé€"),
      (#""\ud83d\ude00\uDBFF\uDFFF""#, "😀\u{10FFFF}"),
      (#""\u0000""#, "\0"), ("\"\u{7F}é😀\"", "\u{7F}é😀"),
    ] as [(String, JSON)])
  func accepted(text: String, value: JSON) throws {
    #expect(try JSON(parsing: text) == value)
  }

  @Test(
    "texts outside the grammar are refused, with the offset",
    arguments: [
      ("", .unexpectedEnd, 0), ("  ", .unexpectedEnd, 2), ("[1", .unexpectedEnd, 2),
      ("{\"a\"", .unexpectedEnd, 4), ("{\"a\":", .unexpectedEnd, 5), ("\"a", .unexpectedEnd, 2),
      ("\"\\", .unexpectedEnd, 2), ("\"\\u12", .unexpectedEnd, 5), ("tru", .unexpectedEnd, 3),
      ("1 2", .trailingBytes, 2), ("{} x", .trailingBytes, 3), ("null\0", .trailingBytes, 4),
      ("nul1", .unexpectedByte(0x31), 3), ("True", .unexpectedByte(0x54), 0),
      ("NaN", .unexpectedByte(0x4E), 0), ("Infinity", .unexpectedByte(0x49), 0),
      ("+1", .unexpectedByte(0x2B), 0), (".5", .unexpectedByte(0x2E), 0),
      ("'a'", .unexpectedByte(0x27), 0), ("// c\n1", .unexpectedByte(0x2F), 0),
      ("\u{B}1", .unexpectedByte(0x0B), 0), ("[1,]", .unexpectedByte(0x5D), 3),
      ("[,1]", .unexpectedByte(0x2C), 1), ("[1 2]", .unexpectedByte(0x32), 3),
      ("[1}", .unexpectedByte(0x7D), 2), ("{\"a\":1,}", .unexpectedByte(0x7D), 7),
      ("{a:1}", .unexpectedByte(0x61), 1), ("{1:1}", .unexpectedByte(0x31), 1),
      ("{\"a\" 1}", .unexpectedByte(0x31), 5), ("{\"a\":1 \"b\":2}", .unexpectedByte(0x22), 7),
      ("{\"a\":}", .unexpectedByte(0x7D), 5), ("]", .unexpectedByte(0x5D), 0),
      ("01", .invalidNumber, 0), ("-", .invalidNumber, 0), ("-a", .invalidNumber, 0),
      ("1.", .invalidNumber, 0), ("1.e1", .invalidNumber, 0), ("1e", .invalidNumber, 0),
      ("1e+", .invalidNumber, 0), ("0x10", .invalidNumber, 0), ("[1.2.3]", .invalidNumber, 1),
      ("-01", .invalidNumber, 0), ("1_000", .trailingBytes, 1), ("--1", .invalidNumber, 0),
      ("\"\n\"", .controlCharacter(0x0A), 1), ("\"a\u{1F}\"", .controlCharacter(0x1F), 2),
      ("\"\0\"", .controlCharacter(0), 1), (#""\x41""#, .invalidEscape, 1),
      (#""\U0041""#, .invalidEscape, 1), (#""\u00G0""#, .invalidEscape, 5),
      (#""\ud800""#, .unpairedSurrogate, 1), (#""\udc00""#, .unpairedSurrogate, 1),
      (#""\ud800\ud800""#, .unpairedSurrogate, 1), (#""a\ud800\n""#, .unpairedSurrogate, 2),
      (#""\udc00\ud800""#, .unpairedSurrogate, 1), ("\u{FEFF}{}", .notUTF8, 0),
      (#"{"a":1,"a":2}"#, .duplicateKey("a"), 7), (#"{"a":1, "\u0061":1}"#, .duplicateKey("a"), 8),
      (#"{"":1,"":2}"#, .duplicateKey(""), 6),
      (#"[{"x":{"k":[],"k":[]}}]"#, .duplicateKey("k"), 14),
    ] as [(String, JSONError.Reason, Int)])
  func refused(text: String, reason: JSONError.Reason, offset: Int) {
    #expect(throws: JSONError(reason, at: offset)) { try JSON(parsing: text) }
  }

  @Test(
    "bytes that are no UTF-8 are refused",
    arguments: [
      [0x80], [0xC3], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
      [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xC3, 0x28],
    ] as [[UInt8]])
  func invalidUTF8(bytes: [UInt8]) {
    for text in [[0x22] + bytes + [0x22], [0x22, 0x5C, 0x6E] + bytes + [0x22]] as [[UInt8]] {
      #expect(throws: JSONError(.notUTF8, at: 1)) { try JSON(parsing: Bytes(text).span) }
    }
    #expect(throws: JSONError.self) { try JSON(parsing: Bytes(bytes).span) }
  }

  @Test("every cut of a text is refused")
  func truncation() throws {
    let text = Array(#"{"a":[1,-2.5e+3,true,null],"\u00e9":{"b":"x\n"}}"#.utf8)
    _ = try JSON(parsing: Bytes(text).span)
    for count in 0..<text.count {
      #expect(throws: JSONError.self, "\(count) bytes") {
        try JSON(parsing: Bytes(Array(text.prefix(count))).span)
      }
    }
  }

  @Test("keys that differ in their bytes are two keys, however they look")
  func canonicallyEquivalentKeys() throws {
    let json = try JSON(parsing: #"{"é":1,"e\#u{301}":2}"#)
    #expect(json["é"]?.intValue == 1)
    #expect(json["e\u{301}"]?.intValue == 2)
    #expect(JSON("é") != JSON("e\u{301}"))
  }

  @Test("duplicates are found among many keys")
  func manyKeys() throws {
    let members = (0..<1000).map { #""key\#($0)":\#($0)"# }
    let json = try JSON(parsing: "{\(members.joined(separator: ","))}")
    #expect(json.objectValue?.count == 1000)
    for index in [0, 1, 11, 12, 13, 500, 999] { #expect(json["key\(index)"]?.intValue == index) }
    #expect(json["key1000"] == nil)
    let text = "{\((members + [#""key7":0"#]).joined(separator: ","))}"
    #expect(throws: JSONError(.duplicateKey("key7"), at: text.utf8.count - 9)) {
      try JSON(parsing: text)
    }
  }

  @Test("a text may be as deep as the limit, and no deeper")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSON(parsing: nested(64))
    #expect(throws: JSONError(.tooDeep(limit: 64), at: 64)) { try JSON(parsing: nested(65)) }
    #expect(throws: JSONError(.tooDeep(limit: 64), at: 64)) {
      try JSON(parsing: String(repeating: "[", count: 1_000_000))
    }
    let objects = String(repeating: #"{"a":"#, count: 65)
    #expect(throws: JSONError(.tooDeep(limit: 64), at: 64 * 5)) { try JSON(parsing: objects) }
  }

  @Test("limits on bytes and values hold at their edges")
  func limits() throws {
    let limits = JSONLimits(byteCountMax: 8, depthMax: 2, valueCountMax: 3)
    _ = try JSON(parsing: "[1,  2] ", limits: limits)
    #expect(throws: JSONError(.tooLong(limit: 8), at: 8)) {
      try JSON(parsing: "[1,   2] ", limits: limits)
    }
    #expect(throws: JSONError(.tooManyValues(limit: 3), at: 5)) {
      try JSON(parsing: "[1,2,3]", limits: limits)
    }
  }

  @Test(
    "whatever is done to a byte, the parser returns or throws", arguments: SeededGenerator.seeds)
  func mutations(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let text = Array(#"{"a":[1,-2.5e+3,true,null,"\ud83d\ude00é"],"b":{"c":"\n"},"d":[[]]}"#.utf8)
    for _ in 0..<2000 {
      var changed = text
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        changed[Int.random(in: 0..<changed.count, using: &generator)] = UInt8.random(
          in: 0...255, using: &generator)
      }
      // What is accepted comes back the same from its own serialisation.
      guard let json = try? JSON(parsing: Bytes(changed).span) else { continue }
      #expect(try JSON(parsing: Bytes(json.serialized()).span) == json)
      #expect(try JSON(parsing: Bytes(json.serialized(pretty: true)).span) == json)
    }
  }

  @Test("an error says where and what, and nothing of the text")
  func descriptions() {
    #expect(
      JSONError(.unexpectedByte(0x7), at: 12).description == "unexpected byte 0x07 at byte 12")
    #expect(
      JSONError(.duplicateKey("a\n\"\u{202E}"), at: 3).description
        == #"key "a\n\"\u{202e}" occurs twice in an object at byte 3"#)
    let long = JSONError(.duplicateKey(String(repeating: "k", count: 10_000)), at: 0)
    #expect(long.description.count < 250)
  }
}
