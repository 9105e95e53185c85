import MopzBytes
import MopzSafetensors
import MopzTestSupport
import SystemPackage
import Testing

@Suite("Rules of safetensors files")
struct SafetensorsRuleTests {
  /// A file with one defect.
  struct Defect: CustomTestStringConvertible {
    var rule: SafetensorsRule
    var file: HandMadeFile
    var testDescription: String { String(decoding: file.json.prefix(80), as: UTF8.self) }

    init(_ rule: SafetensorsRule, _ json: String, _ byteCount: Int = 4, length: UInt64? = nil) {
      self.rule = rule
      file = HandMadeFile(json, data: [UInt8](repeating: 0, count: byteCount), length: length)
    }
  }

  static let defects: [Defect] = [
    Defect(.headerLimit, "{}", 0, length: 100_000_001),
    Defect(.headerLimit, "{}", 0, length: .max),
    Defect(.headerInFile, "{}", 0, length: 3),
    Defect(.headerInFile, "{}", 0, length: 100_000_000),
    Defect(.syntax, "", 0),
    Defect(.syntax, "[]", 0),
    Defect(.syntax, "{", 0),
    Defect(.syntax, "{}x", 0),
    Defect(.syntax, "{}{}", 0),
    Defect(.syntax, "{,}", 0),
    Defect(.syntax, "{} \u{0}", 0),
    Defect(.syntax, #"{"a"}"#),
    Defect(.syntax, #"{"a":}"#),
    Defect(.syntax, #"{"a":\#(entry()),}"#),
    Defect(.syntax, #"{"a\q":\#(entry())}"#),
    Defect(.syntax, #"{"\ud800":\#(entry())}"#),
    Defect(.syntax, #"{"\udc00\ud800":\#(entry())}"#),
    Defect(.syntax, "{\"a\nb\":\(entry())}"),
    Defect(.syntax, #"{"a":\#(entry(shape: "[1,]"))}"#),
    Defect(.metadataStrings, #"{"__metadata__":true}"#, 0),
    Defect(.metadataStrings, #"{"__metadata__":["a"]}"#, 0),
    Defect(.metadataStrings, #"{"__metadata__":{"a":1}}"#, 0),
    Defect(.metadataStrings, #"{"__metadata__":{"a":{"b":"c"}}}"#, 0),
    Defect(.metadataUnique, #"{"__metadata__":{},"__metadata__":{}}"#, 0),
    Defect(.metadataUnique, #"{"__metadata__":{},"__met\u0061data__":{}}"#, 0),
    Defect(.metadataUnique, #"{"__metadata__":null,"__metadata__":{}}"#, 0),
    Defect(.metadataUnique, #"{"__metadata__":{"a":"1","a":"1"}}"#, 0),
    Defect(.metadataUnique, #"{"__metadata__":{"a":"1","\u0061":"1"}}"#, 0),
    Defect(.uniqueName, #"{"a":\#(entry()),"a":\#(entry())}"#),
    Defect(.uniqueName, #"{"a":\#(entry()),"\u0061":\#(entry("I32"))}"#),
    Defect(.uniqueName, #"{"é":\#(entry()),"e\u0301":\#(entry(offsets: "[4,8]"))}"#, 8),
    Defect(.soundName, #"{"":\#(entry())}"#),
    Defect(.soundName, #"{"a\u0000":\#(entry())}"#),
    Defect(.soundName, #"{"a\n":\#(entry())}"#),
    Defect(.soundName, "{\"a\u{7f}\":\(entry())}"),
    Defect(.soundName, "{\"a\u{85}\":\(entry())}"),
    Defect(.soundName, #"{"..":\#(entry())}"#),
    Defect(.soundName, #"{"../a":\#(entry())}"#),
    Defect(.soundName, #"{"a/..":\#(entry())}"#),
    Defect(.soundName, #"{"a/../b":\#(entry())}"#),
    Defect(.soundName, #"{"a\\..\\b":\#(entry())}"#),
    Defect(.requiredField, #"{"a":{}}"#, 0),
    Defect(.requiredField, #"{"a":1}"#, 0),
    Defect(.requiredField, #"{"a":[]}"#, 0),
    Defect(.requiredField, #"{"a":{"shape":[1],"data_offsets":[0,4]}}"#),
    Defect(.requiredField, #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#),
    Defect(.requiredField, #"{"a":{"dtype":"F32","shape":[1]}}"#),
    Defect(.uniqueField, #"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#),
    Defect(.uniqueField, #"{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}"#),
    Defect(
      .uniqueField, #"{"a":{"data_offsets":[0,4],"shape":[1],"data_offsets":[0,4]}}"#),
    Defect(.knownField, #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]}}"#),
    Defect(.knownField, #"{"a":{"Dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#),
    Defect(.knownDType, #"{"a":\#(entry("f32"))}"#),
    Defect(.knownDType, #"{"a":\#(entry("F33"))}"#),
    Defect(.knownDType, #"{"a":\#(entry("F32 "))}"#),
    Defect(.knownDType, #"{"a":\#(entry(""))}"#),
    Defect(.knownDType, #"{"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}}"#),
    Defect(.integer, #"{"a":\#(entry(shape: "[-1]"))}"#),
    Defect(.integer, #"{"a":\#(entry(shape: "[-0]"))}"#),
    Defect(.integer, #"{"a":\#(entry(shape: "[1.0]"))}"#),
    Defect(.integer, #"{"a":\#(entry(shape: "[1e0]"))}"#),
    Defect(.integer, #"{"a":\#(entry(shape: "[01]"))}"#),
    Defect(.integer, #"{"a":\#(entry(shape: #"["1"]"#))}"#),
    Defect(.integer, #"{"a":\#(entry(shape: "[null]"))}"#),
    Defect(.integer, #"{"a":\#(entry(shape: "[[1]]"))}"#),
    Defect(.integer, #"{"a":\#(entry(shape: "1"))}"#),
    Defect(.integer, #"{"a":\#(entry(shape: "[18446744073709551616]"))}"#),
    Defect(.integer, #"{"a":\#(entry(offsets: "[0,4.0]"))}"#),
    Defect(.integer, #"{"a":\#(entry(offsets: "[0]"))}"#),
    Defect(.integer, #"{"a":\#(entry(offsets: "[]"))}"#),
    Defect(.integer, #"{"a":\#(entry(offsets: "[0,4,4]"))}"#),
    Defect(.dimensionLimit, #"{"a":\#(entry(shape: "[1\(String(repeating: ",1", count: 64))]"))}"#),
    Defect(.shapeOverflow, #"{"a":\#(entry(shape: "[9223372036854775808]"))}"#),
    Defect(
      .shapeOverflow, #"{"a":\#(entry("U8", shape: "[4294967296,4294967296]", offsets: "[0,0]"))}"#,
      0),
    Defect(.shapeOverflow, #"{"a":\#(entry(shape: "[4611686018427387905]"))}"#),
    Defect(
      .shapeOverflow, #"{"a":\#(entry(shape: "[9223372036854775807,4,0]", offsets: "[0,0]"))}"#, 0),
    Defect(
      .shapeOverflow, #"{"a":\#(entry(shape: "[0,9223372036854775807,4]", offsets: "[0,0]"))}"#, 0),
    Defect(.wholeBytes, #"{"a":\#(entry("F4", shape: "[3]", offsets: "[0,1]"))}"#, 1),
    Defect(.wholeBytes, #"{"a":\#(entry("F6_E2M3", shape: "[2]", offsets: "[0,1]"))}"#, 1),
    Defect(.byteCount, #"{"a":\#(entry(offsets: "[4,0]"))}"#),
    Defect(.byteCount, #"{"a":\#(entry(shape: "[2]"))}"#),
    Defect(.byteCount, #"{"a":\#(entry(offsets: "[0,18446744073709551615]"))}"#),
    Defect(.noHole, #"{"a":\#(entry(offsets: "[4,8]"))}"#, 8),
    Defect(.noHole, #"{"a":\#(entry()),"b":\#(entry(offsets: "[8,12]"))}"#, 12),
    Defect(.noOverlap, #"{"a":\#(entry()),"b":\#(entry())}"#),
    Defect(
      .noOverlap,
      #"{"a":\#(entry(shape: "[2]", offsets: "[0,8]")),"b":\#(entry(offsets: "[4,8]"))}"#, 8),
    Defect(.noOverlap, #"{"a":\#(entry()),"b":\#(entry(shape: "[0]", offsets: "[2,2]"))}"#),
    Defect(.complete, #"{"a":\#(entry())}"#, 3),
    Defect(.complete, #"{"a":\#(entry())}"#, 0),
    Defect(
      .complete, #"{"a":\#(entry(offsets: "[18446744073709551608,18446744073709551612]"))}"#),
    Defect(.noTrailer, #"{"a":\#(entry())}"#, 5),
    Defect(.noTrailer, "{}", 1),
    Defect(
      .aligned, #"{"a":\#(entry("U8", offsets: "[0,1]")),"b":\#(entry(offsets: "[1,5]"))}"#, 5),
    Defect(
      .aligned,
      #"{"a":\#(entry("BF16", offsets: "[0,2]")),"b":\#(entry("C64", offsets: "[2,10]"))}"#,
      10),
  ]

  @Test("each defect is refused by the rule that it breaks", arguments: defects)
  func refused(_ defect: Defect) {
    #expect(defect.file.error?.rule == defect.rule)
  }

  @Test("every rule that a reader checks has a file that breaks it")
  func complete() {
    let elsewhere: Set<SafetensorsRule> = [.accessible, .lengthField, .utf8, .writeOrder]
    let covered = Set(Self.defects.map(\.rule)).union(elsewhere)
    #expect(covered == Set(SafetensorsRule.allCases))
  }

  @Test("a file shorter than the length of the header is refused", arguments: 0..<8)
  func tooShort(count: Int) {
    #expect(
      throws: SafetensorsError(
        rule: .lengthField, file: "t", detail: .mismatch(expected: 8, found: UInt64(count)))
    ) {
      try SafetensorsFile(bytes: Bytes([UInt8](repeating: 0, count: count)), name: "t")
    }
  }

  @Test(
    "a header that is no UTF-8 is refused",
    arguments: [
      [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80],
    ])
  func notUTF8(bytes: [UInt8]) {
    var file = HandMadeFile("")
    file.json = Array(#"{"a"#.utf8) + bytes + Array(#"":\#(entry())}"#.utf8)
    file.data = [0, 0, 0, 0]
    #expect(file.error?.rule == .utf8)
  }

  @Test("a file that is absent or a directory is refused with the system's reason")
  func notAFile() throws {
    let directory = try TemporaryFolder()
    let file = directory.path
    #expect { try SafetensorsFile(opening: file.appending("x.safetensors")) } throws: {
      ($0 as? SafetensorsError)?.systemError?.errno == .noSuchFileOrDirectory
    }
    #expect { try SafetensorsFile(opening: file) } throws: {
      ($0 as? SafetensorsError)?.systemError?.errno == .isDirectory
    }
  }

  @Test("an error names file, tensor, expected, found, place and rule")
  func description() {
    let file = HandMadeFile(#"{"a\\b\u200e":\#(entry(shape: "[3]"))}"#, dataByteCount: 4)
    let text = #""t.safetensors": tensor "a\\b\u{200e}": byte count 4, expected 12"#
    #expect(file.error?.description == text + " at offset 9 (ST-18)")
  }

  @Test("the name in an error is cut", .timeLimit(.minutes(1)))
  func longName() throws {
    let name = String(repeating: "n", count: 1_000_000)
    let error = HandMadeFile(#"{"\#(name)":1}"#).error
    #expect(error?.tensor == name)
    #expect(try #require(error).description.utf8.count < 400)
  }

  @Test("every fixture with a defect is refused")
  func fixtures() throws {
    let files = try Fixtures.files(
      below: "invalid/safetensors", suffix: ".safetensors")
    #expect(files.count >= 40)
    for path in files {
      #expect(throws: SafetensorsError.self, "\(path)") { try SafetensorsFile(opening: path) }
    }
  }
}
