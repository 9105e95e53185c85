import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Standard header")
struct StandardHeaderTests {
  static let infos = [
    TensorInfo(name: "w", dtype: .f32, shape: [2, 3]),
    TensorInfo(name: "q\"\\/\u{8}\u{1f}é", dtype: .bf16, shape: []),
    TensorInfo(name: "n", dtype: .u8, shape: [0]),
  ]

  @Test("the bytes are those of the reference serialiser")
  func bytes() throws {
    let entries = try #require(StandardHeader.entries(of: Self.infos))
    // A name with a control character cannot be read again, but it can be spelled.
    let json = StandardHeader.bytes(
      of: entries, metadata: [.init(key: "format", value: "pt"), .init(key: "t", value: "\t")])
    let expected =
      #"{"__metadata__":{"format":"pt","t":"\t"},"#
      + #""w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
      + #""q\"\\/\b\u001fé":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},"#
      + #""n":{"dtype":"U8","shape":[0],"data_offsets":[26,26]}}"#
    let padding = String(repeating: " ", count: (8 - expected.utf8.count % 8) % 8)
    #expect(String(decoding: json, as: UTF8.self) == expected + padding)
    #expect(json.count % 8 == 0)
  }

  @Test("without tensors and metadata it is two braces and padding")
  func empty() {
    #expect(StandardHeader.bytes(of: [], metadata: nil) == Array("{}      ".utf8))
    #expect(
      StandardHeader.bytes(of: [], metadata: []) == Array(#"{"__metadata__":{}}     "#.utf8))
  }

  @Test("the order of the data is larger types first, then names by their bytes")
  func dataOrder() {
    let infos = [
      TensorInfo(name: "b", dtype: .bf16, shape: [1]),
      TensorInfo(name: "z", dtype: .f32, shape: [1]),
      TensorInfo(name: "B", dtype: .bf16, shape: [1]),
      TensorInfo(name: "a", dtype: .u8, shape: [1]),
      TensorInfo(name: "é", dtype: .i64, shape: [1]),
      TensorInfo(name: "zz", dtype: .i64, shape: [1]),
    ]
    let order = StandardHeader.dataOrder(of: infos)
    #expect(order.map { infos[$0].name } == ["zz", "é", "z", "B", "b", "a"])
  }

  @Test("tensors that fill no whole bytes, or too many, have no layout")
  func noLayout() {
    #expect(StandardHeader.entries(of: [.init(name: "a", dtype: .f4, shape: [3])]) == nil)
    let huge = TensorInfo(name: "a", dtype: .u8, shape: [Int.max / 8])
    #expect(StandardHeader.entries(of: [huge]) != nil)
    #expect(StandardHeader.entries(of: [TensorInfo](repeating: huge, count: 9)) == nil)
  }

  @Test(
    "every difference from the standard form is noticed",
    arguments: [
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}          "#,
      #" {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} "#,
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}\n ",
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0, 4]}} "#,
      #"{"a":{"shape":[1],"dtype":"F32","data_offsets":[0,4]}}  "#,
      #"{"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   "#,
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{}}        "#,
    ])
  func differences(json: String) throws {
    let file = try HandMadeFile(json, dataByteCount: 4).read()
    #expect(!file.header.isStandard)
    let standard = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  "#
    #expect(try HandMadeFile(standard, dataByteCount: 4).read().header.isStandard)
  }

  @Test("what is written is read again: random headers", arguments: 0..<200 as Range<UInt64>)
  func roundTrip(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var infos: [TensorInfo] = []
    for index in 0..<Int.random(in: 0...8, using: &generator) {
      let pieces = ["é", "\\", "\"", "/", " ", "😀", "a", "_"]
      let name =
        "\(index)"
        + (0..<3).map { _ in pieces.randomElement(using: &generator) ?? "" }
        .joined()
      let dimensions = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
        Int.random(in: 0...4, using: &generator) * 4
      }
      infos.append(
        TensorInfo(
          name: name, dtype: DType.allCases.randomElement(using: &generator) ?? .f32,
          shape: Shape(dimensions.isEmpty ? [8] : dimensions)))
    }
    infos = StandardHeader.dataOrder(of: infos).map { infos[$0] }
    let metadata: [SafetensorsHeader.Property]? =
      seed % 3 == 0 ? nil : [.init(key: "\u{1}k", value: "\u{0}v\""), .init(key: "b", value: "é")]
    let entries = try #require(StandardHeader.entries(of: infos))
    let json = StandardHeader.bytes(of: entries, metadata: metadata)
    let header = try SafetensorsHeader(
      parsing: json.span.rawBytes, dataByteCount: nil, file: "t")
    #expect(header.tensors == entries)
    #expect(header.metadata == metadata)
    #expect(header.isStandard)
    #expect(header.headerOrder == Array(entries.indices))
    #expect(StandardHeader.bytes(of: header.tensors, metadata: header.metadata) == json)
  }
}
