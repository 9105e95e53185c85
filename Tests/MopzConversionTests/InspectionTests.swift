import MopzAdapters
import MopzBytes
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Inspection and the base's record")
struct InspectionTests {
  @Test("an adapter's bytes are grouped by use and by names that differ in numbers")
  func anatomy() throws {
    let imported = try ForeignAdapterTests.imported("foreign/adapters/roberta-f32/leaked-wrappers")
    let anatomy = Anatomy(of: imported.adapter)
    let query = try #require(anatomy.groups.first { $0.name.hasSuffix("self.query") })
    #expect(query.name == "roberta.encoder.layer.*.attention.self.query")
    #expect(query.use == .factors)
    #expect(query.tensorCount == 4)
    #expect(
      anatomy.groups.contains { $0.use == .replacedParameters && $0.name == "classifier.dense" })
    #expect(anatomy.groups.contains { $0.use == .copies })
    #expect(anatomy.byteCount == anatomy.groups.reduce(0) { $0 + $1.byteCount })
    let bytes = imported.adapter.sourceTensors.reduce(0) {
      $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0)
    }
    #expect(anatomy.byteCount == bytes)
    #expect(anatomy.largest.count == 5)
    #expect(anatomy.largest[0].byteCount >= anatomy.largest[4].byteCount)
  }

  @Test("numbers between dots and underscores become a star")
  func patterns() {
    #expect(Anatomy.pattern(of: "model.layers.12.q_proj") == "model.layers.*.q_proj")
    #expect(Anatomy.pattern(of: "lora_unet_blocks_4_1_attn1") == "lora_unet_blocks_*_*_attn1")
    #expect(Anatomy.pattern(of: "unet:0:down") == "unet:*:down")
    #expect(Anatomy.pattern(of: "") == "")
  }

  @Test("directories, single files and models are examined")
  func subjects() throws {
    let directory = try Inspection(
      of: Fixtures.path("foreign/adapters/llama-f32/dora"), withAnatomy: true)
    #expect(directory.subject == .adapters)
    #expect(directory.tasks.map(\.kind) == ["dora"])
    #expect(directory.tasks[0].anatomy?.groups.contains { $0.use == .magnitudes } == true)
    let model = try Inspection(
      of: Fixtures.path("foreign/models/llama-sharded-bf16"), withAnatomy: true)
    #expect(model.subject == .checkpoint)
    #expect(model.anatomy?.groups.isEmpty == false)
    #expect(throws: ConversionError.self) {
      try Inspection(of: "nowhere", withAnatomy: false)
    }
  }

  static func record() throws -> BaseRecord {
    try #require(
      BaseRecord(
        architecture: "Tiny",
        tensors: [
          TensorInfo(name: "b", dtype: .bf16, shape: [3, 4]),
          TensorInfo(name: "a", dtype: .f32, shape: []),
        ]))
  }

  static func decoded(_ bytes: [UInt8]) -> BaseRecord? {
    let bytes = Bytes(bytes)
    return BaseRecord(decoding: bytes.span)
  }

  @Test("a base's record reads back, and its bytes are those of the layout")
  func encoding() throws {
    let record = try Self.record()
    let bytes = record.encoded()
    let expected: [UInt8] =
      Array("MOPZBASE".utf8) + [2, 0, 0, 0, 4, 0, 0, 0] + Array("Tiny".utf8)
      + [1, 0, 0, 0, 0x61, 18, 0] + [1, 0, 0, 0, 0x62, 15, 2]
      + [3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]
    expectSameBytes(bytes, expected)
    #expect(Self.decoded(bytes) == record)
  }

  @Test("a damaged record is refused: every cut, and what breaks the order")
  func damage() throws {
    let bytes = try Self.record().encoded()
    for end in 0..<bytes.count { #expect(Self.decoded(Array(bytes[..<end])) == nil) }
    #expect(Self.decoded(bytes + [0]) == nil)
    for (offset, value) in [(0, 0), (8, 3), (11, 255), (24, 0x63), (25, 99), (20, 255)] {
      var changed = bytes
      changed[offset] = UInt8(value)
      #expect(Self.decoded(changed) == nil, "byte \(offset)")
    }
    #expect(
      BaseRecord(
        architecture: "",
        tensors: [
          TensorInfo(name: "a", dtype: .f32, shape: []),
          TensorInfo(name: "a", dtype: .f16, shape: []),
        ]) == nil)
  }

  @Test("differences between bases are named, up to a limit")
  func differences() throws {
    let record = try Self.record()
    #expect(record.differences(from: record).isEmpty)
    let other = try #require(
      BaseRecord(
        architecture: "Other",
        tensors: [
          TensorInfo(name: "b", dtype: .bf16, shape: [4, 4]),
          TensorInfo(name: "c", dtype: .f32, shape: []),
        ]))
    let clauses = record.differences(from: other)
    #expect(clauses.count == 4)
    #expect(clauses[1].contains("\"a\"") && clauses[1].contains("missing"))
    #expect(clauses[2].contains("[4, 4]") && clauses[2].contains("[3, 4]"))
    #expect(clauses[3].contains("\"c\"") && clauses[3].contains("not recorded"))
    #expect(record.differences(from: other, limit: 2).count == 2)
  }
}
