import MopzBytes
import MopzSafetensors
import MopzTestSupport
import SystemPackage
import Testing

@Suite("Shard index")
struct ShardIndexTests {
  private func parse(_ text: String) throws(CheckpointError) -> ShardIndex {
    try ShardIndex(parsing: Array(text.utf8).span.rawBytes, path: "i.json")
  }

  @Test("a file of the usual writer comes back byte for byte")
  func roundTrip() throws {
    let path = "foreign/models/llama-sharded-bf16/model.safetensors.index.json"
    let bytes = try Fixtures.bytes(path)
    let index = try ShardIndex(parsing: bytes.span, path: Fixtures.path(path))
    #expect(index.serialized() == bytes.array)
    #expect(index.shardNames == (1...3).map { "model-0000\($0)-of-00003.safetensors" })
    #expect(index.shard(of: "lm_head.weight") == "model-00003-of-00003.safetensors")
    #expect(index.shard(of: "absent") == nil)
    #expect(index.totalByteCount == 25392)
  }

  @Test("totals and new tensors are written, everything else is kept")
  func edit() throws {
    var index = try parse(
      #"{"x":1.50,"weight_map":{"b":"2.safetensors","a":"1.safetensors"},"metadata":"#
        + #"{"note":"é","total_size":4.0e3,"total_parameters":1}}"#)
    index.setTotals(byteCount: 16, elementCount: 4)
    index.assign("c", to: "2.safetensors")
    let expected = try JSON(
      parsing: #"{"x":1.50,"weight_map":{"b":"2.safetensors","a":"1.safetensors","#
        + #""c":"2.safetensors"},"metadata":{"note":"é","total_size":16,"total_parameters":4}}"#)
    #expect(index.serialized() == expected.serialized(pretty: true) + [0x0a])
    #expect(Array(index.tensorNames) == ["b", "a", "c"])

    var bare = try parse(#"{"weight_map":{}}"#)
    bare.setTotals(byteCount: 16, elementCount: 4)
    #expect(bare.document["metadata"] == ["total_size": 16])
    #expect(bare.totalByteCount == 16)
  }

  @Test("a new index is ordered by the names")
  func create() throws {
    let index = ShardIndex(
      shards: [("b", "2.safetensors"), ("B", "1.safetensors")], byteCount: 8)
    let parsed = try parse(String(decoding: index.serialized(), as: UTF8.self))
    #expect(parsed == index)
    #expect(Array(parsed.tensorNames) == ["B", "b"])
  }

  @Test(
    "names that are no plain .safetensors file are refused",
    arguments: [
      "", ".safetensors", "a.bin", "a.safetensors/", "/a.safetensors", "../a.safetensors",
      "d/a.safetensors", #"d\\a.safetensors"#, "a.SAFETENSORS", #"a\u0000.safetensors"#,
      ".a.safetensors", "a.safetensors ", "..safetensors",
    ])
  func shardNames(name: String) {
    #expect {
      try parse(#"{"weight_map":{"t":"\#(name)"}}"#)
    } throws: {
      guard case .shardName(_, tensor: "t") = ($0 as? CheckpointError)?.reason else { return false }
      return true
    }
  }

  @Test(
    "an index of another form is refused",
    arguments: [
      "", "[]", "{}", #"{"weight_map":[]}"#, #"{"weight_map":{"a":1}}"#,
      #"{"weight_map":{"a":"a.safetensors","a":"b.safetensors"}}"#,
      #"{"weight_map":{},"metadata":1}"#, #"{"weight_map":{}}x"#,
    ])
  func malformed(text: String) {
    #expect(throws: CheckpointError.self) { try parse(text) }
  }
}
