import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzForward

@Suite("Files of tokens")
struct TokenFileTests {
  private func parse(_ text: String) throws -> TokenSequences {
    try TokenSequences(parsing: Bytes(utf8: text), name: "tokens")
  }

  /// An `.npy` file of version 1.
  private func numpy(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> Bytes {
    let text = Array(header.utf8)
    let length = [UInt8(text.count & 0xFF), UInt8(text.count >> 8)]
    return Bytes([0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + data)
  }

  private static let header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }\n"
  private static let data: [UInt8] = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 255, 255, 255, 255]

  @Test("a JSON array of arrays is read, of any lengths")
  func json() throws {
    let tokens = try parse(" [[1, 2, 3], [4]] ")
    #expect(tokens.sequences == [[1, 2, 3], [4]])
    #expect(tokens.source == "tokens" && tokens.count == 4 && tokens.longest == 3)
  }

  @Test(
    "what is no array of arrays of integers is refused",
    arguments: ["[1, 2]", "{}", "[[1.5]]", "[[\"1\"]]", "[[1]", "", "[[1e2]]", "[null]"])
  func malformedJSON(_ text: String) {
    #expect(throws: TokenError.self) { try parse(text) }
  }

  @Test("int32 and int64 of two dimensions are read")
  func numpy() throws {
    let narrow = try TokenSequences(parsing: numpy(Self.header, Self.data), name: "t")
    #expect(narrow.sequences == [[1, 2], [3, -1]])
    let wide = "{'fortran_order': False, 'descr': '<i8', 'shape': (1, 1)}"
    let tokens = try TokenSequences(
      parsing: numpy(wide, [7, 1, 0, 0, 0, 0, 0, 0]), name: "t")
    #expect(tokens.sequences == [[263]])
  }

  @Test("what does not agree with the header is refused")
  func malformedNumpy() {
    let headers = [
      Self.header.replacing("<i4", with: ">i4"), Self.header.replacing("<i4", with: "<f4"),
      Self.header.replacing("False", with: "True"), Self.header.replacing("(2, 2)", with: "(4,)"),
      Self.header.replacing("(2, 2)", with: "(2, 3)"),
      Self.header.replacing("(2, 2)", with: "(9223372036854775807, 2)"),
      Self.header.replacing("'shape'", with: "'shame'"), "",
    ]
    for header in headers {
      #expect(throws: TokenError.self, "\(header)") {
        try TokenSequences(parsing: numpy(header, Self.data), name: "t")
      }
    }
    #expect(throws: TokenError.self) {
      try TokenSequences(parsing: numpy(Self.header, Self.data + [0]), name: "t")
    }
    #expect(throws: TokenError.self) {
      try TokenSequences(parsing: numpy(Self.header, Self.data, version: 9), name: "t")
    }
    let whole = numpy(Self.header, Self.data)
    for count in 6..<whole.count {
      #expect(throws: TokenError.self) {
        try TokenSequences(parsing: whole.slice(0..<count), name: "t")
      }
    }
  }

  @Test("ids and lengths are checked against the model")
  func validation() throws {
    let description = try ForwardCase.named("gpt2-f32").description()
    func validate(_ sequences: [[Int]]) throws {
      try TokenSequences(source: "t", sequences: sequences).validate(for: description)
    }
    try validate([[0, 47], Array(repeating: 1, count: 32)])
    #expect(
      throws: TokenError.idOutsideVocabulary(id: 48, sequence: 1, position: 0, vocabularySize: 48)
    ) { try validate([[0], [48]]) }
    #expect(throws: TokenError.self) { try validate([[-1]]) }
    #expect(throws: TokenError.empty(sequence: nil)) { try validate([]) }
    #expect(throws: TokenError.empty(sequence: 1)) { try validate([[1], []]) }
    #expect(throws: TokenError.tooLong(sequence: 0, count: 33, limit: 32)) {
      try validate([Array(repeating: 1, count: 33)])
    }
  }

  @Test("seeded tokens are the same each time, and the model's own")
  func seeded() throws {
    let description = try ForwardCase.named("gpt2-f32").description()
    let tokens = TokenSequences.seeded(for: description)
    try tokens.validate(for: description)
    #expect(tokens.source == "seeded" && tokens.longest == 32)
    #expect(tokens == TokenSequences.seeded(for: description))
    #expect(tokens != TokenSequences.seeded(for: description, seed: 2))
  }
}
