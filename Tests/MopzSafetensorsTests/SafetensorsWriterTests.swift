import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@Suite("Safetensors writer")
struct SafetensorsWriterTests {
  static let infos = [
    TensorInfo(name: "a", dtype: .f32, shape: [3]),
    TensorInfo(name: "none", dtype: .f32, shape: [0]),
    TensorInfo(name: "b", dtype: .u8, shape: [5]),
    TensorInfo(name: "last", dtype: .u8, shape: [2, 0]),
  ]
  static let a: [UInt8] = Array(1...12)
  static let b: [UInt8] = Array(101...105)

  @Test("a file written in pieces is read with the same tensors")
  func pieces() throws {
    let directory = try TemporaryFolder()
    let path = directory.path.appending("x.safetensors")
    var output = try OutputFile(creating: path)
    var writer = try SafetensorsWriter(
      tensors: Self.infos, metadata: [.init(key: "format", value: "pt")], to: &output)
    #expect(writer.nextTensor?.name == "a")
    for byte in Self.a { try writer.append([byte].span.rawBytes, of: "a", to: &output) }
    #expect(writer.nextTensor?.name == "b")
    try writer.append([UInt8]().span.rawBytes, of: "last", to: &output)
    try writer.append(Self.b.span.rawBytes, of: "b", to: &output)
    #expect(writer.nextTensor == nil)
    try writer.finish()
    try output.flush()

    let file = try SafetensorsFile(opening: path)
    #expect(file.header.isStandard)
    #expect(file.header.tensors.map(\.info) == Self.infos)
    #expect(file.header.metadata == [.init(key: "format", value: "pt")])
    #expect(file.tensor(named: "a")?.bytes.array == Self.a)
    #expect(file.tensor(named: "b")?.bytes.array == Self.b)
  }

  @Test("a file copied tensor by tensor with its own header is the same, byte for byte")
  func copy() throws {
    let directory = try TemporaryFolder()
    var sources = try Fixtures.files(below: "valid/safetensors", suffix: ".safetensors")
    sources.append(Fixtures.path("foreign/models/llama-f32/model.safetensors"))
    for (number, source) in sources.enumerated() {
      let copy = directory.path.appending("\(number).safetensors")
      try Self.copy(source, to: copy)
      let (original, copied) = (try Bytes(mapping: source), try Bytes(mapping: copy))
      #expect(copied.array == original.array, "\(source)")
    }
  }

  private static func copy(_ source: FilePath, to path: FilePath) throws {
    let file = try SafetensorsFile(opening: source)
    let input = try InputFile(opening: source)
    var output = try OutputFile(creating: path)
    var writer = try SafetensorsWriter(headerJSON: file.headerJSON.span, to: &output)
    for (index, entry) in file.header.tensors.enumerated() {
      try writer.append(file.fileRange(at: index), in: input, of: entry.info.name, to: &output)
    }
    try writer.finish()
    try output.flush()
  }

  /// The rule for which a sequence of appends is refused, or nil.
  private func rule(of appends: [(name: String, count: Int)]) throws -> SafetensorsRule? {
    let directory = try TemporaryFolder()
    var output = try OutputFile(creating: directory("x"))
    var writer = try SafetensorsWriter(tensors: Self.infos, metadata: nil, to: &output)
    do throws(SafetensorsError) {
      for (name, count) in appends {
        try writer.append(
          [UInt8](repeating: 0, count: count).span.rawBytes, of: name, to: &output)
      }
      try writer.finish()
      return nil
    } catch { return error.rule }
  }

  @Test("wrong order, too many and too few bytes are refused")
  func misuse() throws {
    #expect(try rule(of: [("a", 12), ("b", 5)]) == nil)
    #expect(try rule(of: [("b", 5), ("a", 12)]) == .writeOrder)
    #expect(try rule(of: [("a", 8), ("b", 5)]) == .writeOrder)
    #expect(try rule(of: [("a", 12), ("b", 5), ("b", 1)]) == .writeOrder)
    #expect(try rule(of: [("x", 0)]) == .writeOrder)
    #expect(try rule(of: [("a", 13)]) == .byteCount)
    #expect(try rule(of: [("a", 12), ("b", 4)]) == .byteCount)
    #expect(try rule(of: []) == .byteCount)
  }

  @Test(
    "a header that no reader would accept is not written",
    arguments: [
      ([TensorInfo(name: "", dtype: .f32, shape: [1])], SafetensorsRule.soundName),
      ([TensorInfo(name: "a", dtype: .f4, shape: [1])], .shapeOverflow),
      (
        [
          TensorInfo(name: "a", dtype: .u8, shape: [1]),
          TensorInfo(name: "b", dtype: .f32, shape: [1]),
        ], .aligned
      ),
      (
        [
          TensorInfo(name: "a", dtype: .u8, shape: [1]),
          TensorInfo(name: "a", dtype: .u8, shape: [1]),
        ], .uniqueName
      ),
    ])
  func refusedHeaders(infos: [TensorInfo], rule: SafetensorsRule) throws {
    let directory = try TemporaryFolder()
    var output = try OutputFile(creating: directory("x"))
    do throws(SafetensorsError) {
      _ = try SafetensorsWriter(tensors: infos, metadata: nil, to: &output)
      Issue.record("the header was written")
    } catch { #expect(error.rule == rule) }
    #expect(output.byteCount == 0)
  }

  @Test("a file may be replaced while it is mapped")
  func replaceMapped() throws {
    let directory = try TemporaryFolder()
    let path = try directory.write(
      "x.safetensors",
      HandMadeFile(#"{"a":\#(entry(shape: "[3]", offsets: "[0,12]"))}"#, data: Self.a).bytes)
    let old = try SafetensorsFile(opening: path)
    let tensor = try #require(old.tensor(named: "a"))

    var atomic = try AtomicFile(creating: path, force: true)
    var writer = try SafetensorsWriter(
      tensors: old.header.tensors.map(\.info), metadata: nil, to: &atomic.file)
    try writer.append(Array(Self.a.reversed()).span.rawBytes, of: "a", to: &atomic.file)
    try writer.finish()
    try atomic.commit()

    #expect(tensor.bytes.array == Self.a)
    let new = try SafetensorsFile(opening: path)
    #expect(new.tensor(named: "a")?.bytes.array == Self.a.reversed())
  }
}
