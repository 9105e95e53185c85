import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@Suite("Checkpoint")
struct CheckpointTests {
  /// A file with one tensor of four bytes.
  private func weights(_ name: String = "w", data: [UInt8] = [1, 2, 3, 4]) -> [UInt8] {
    HandMadeFile(#"{"\#(name)":\#(entry())}"#, data: data).bytes
  }

  private func reason(_ path: FilePath) -> CheckpointError.Reason? {
    do throws(CheckpointError) {
      _ = try Checkpoint(opening: path)
      return nil
    } catch {
      #expect(!error.description.isEmpty)
      return error.reason
    }
  }

  @Test("a directory with one file gives tensors, configuration and the other files")
  func singleFile() throws {
    let checkpoint = try Checkpoint(opening: Fixtures.path("foreign/models/llama-f32"))
    #expect(checkpoint.isDirectory)
    #expect(checkpoint.shards.map(\.fileName) == ["model.safetensors"])
    #expect(checkpoint.index == nil)
    #expect(checkpoint.modelType == "llama")
    #expect(checkpoint.architecture == "LlamaForCausalLM")
    #expect(checkpoint.tiesWordEmbeddings == false)
    #expect(
      checkpoint.surroundings.otherFiles == [
        "config.json", "generation_config.json", "special_tokens_map.json", "tokenizer.json",
      ])
    #expect(checkpoint.surroundings.otherWeightFiles == [])
    let names = checkpoint.infos.map(\.name)
    #expect(names == names.sorted { ExactName($0) < ExactName($1) })
    for info in checkpoint.infos {
      #expect(checkpoint.info(of: info.name) == info)
      #expect(checkpoint.tensor(named: info.name)?.shape == info.shape)
    }
    #expect(checkpoint.location(of: "absent") == nil)
  }

  @Test("every model of the fixtures opens")
  func models() throws {
    let directories = try Fixtures.path("foreign/models").directoryEntries()
    #expect(directories.count >= 14)
    for directory in directories {
      let checkpoint = try Checkpoint(opening: directory.path)
      #expect(!checkpoint.infos.isEmpty)
    }
  }

  @Test("a sharded directory gives each tensor its one place")
  func sharded() throws {
    let checkpoint = try Checkpoint(opening: Fixtures.path("foreign/models/llama-sharded-bf16"))
    let index = try #require(checkpoint.index)
    #expect(checkpoint.shards.count == 3)
    #expect(checkpoint.indexFileName == "model.safetensors.index.json")
    for info in checkpoint.infos {
      let place = try #require(checkpoint.location(of: info.name))
      #expect(checkpoint.shards[place.shard].fileName == index.shard(of: info.name))
    }
    let bytes = checkpoint.infos.reduce(0) { $0 + ($1.shape.byteCount(of: $1.dtype) ?? 0) }
    #expect(bytes == index.totalByteCount)
  }

  @Test("a single file is a checkpoint by itself")
  func plainFile() throws {
    let path = Fixtures.path("foreign/models/llama-f32/model.safetensors")
    let checkpoint = try Checkpoint(opening: path)
    #expect(!checkpoint.isDirectory && checkpoint.config == nil)
    #expect(checkpoint.shards.map(\.fileName) == ["model.safetensors"])
    #expect(checkpoint.surroundings.otherFiles.isEmpty)
  }

  @Test("what lies beside the weights is sorted into files, other weights and the rest")
  func surroundings() throws {
    let directory = try TemporaryFolder()
    for name in [".git", ".cache", "sub", "sub/deep"] {
      try directory.path.pushing(FilePath(name)).createDirectory()
    }
    try directory.write("model.safetensors", weights())
    for name in [
      "config.json", "vocab.txt", ".gitattributes", "sub/x.json", "sub/deep/y.py",
      "pytorch_model.bin", "model.gguf", "old-00001-of-00002.safetensors", "sub/model.safetensors",
      "sub/config.json", "model.safetensors.index.json.bak", "tf_model.h5", ".git/HEAD", ".cache/x",
    ] { try directory.write(name, "{}") }
    try directory.link("merges.txt", to: "vocab.txt")
    try directory.link("also.gguf", to: "model.gguf")
    try directory.link("linked", to: "sub")
    try directory.link("broken", to: "nowhere")
    try directory.link("loop", to: "loop")
    try directory.link("sub/deep/circle", to: "..")
    let found = try Checkpoint(opening: directory.path).surroundings
    #expect(
      found.otherFiles == [
        ".gitattributes", "config.json", "linked/config.json", "linked/deep/y.py", "linked/x.json",
        "merges.txt", "model.safetensors.index.json.bak", "sub/config.json", "sub/deep/y.py",
        "sub/x.json", "vocab.txt",
      ])
    #expect(
      found.otherWeightFiles == [
        "also.gguf", "linked/model.safetensors", "model.gguf", "old-00001-of-00002.safetensors",
        "pytorch_model.bin",
        "sub/model.safetensors", "tf_model.h5",
      ])
    #expect(
      found.skipped == [
        ".cache", ".git", "broken", "linked/deep/circle", "loop", "sub/deep/circle",
      ])
  }

  @Test("weights behind a link are opened")
  func links() throws {
    let directory = try TemporaryFolder()
    try directory.write("blob", weights())
    try directory.path.appending("snapshot").createDirectory()
    try directory.link("snapshot/model.safetensors", to: "../blob")
    let checkpoint = try Checkpoint(opening: directory.path.appending("snapshot"))
    #expect(checkpoint.tensor(named: "w")?.bytes.array == [1, 2, 3, 4])
    #expect(checkpoint.surroundings.otherFiles.isEmpty)
    #expect(checkpoint.surroundings.otherWeightFiles.isEmpty)
  }

  @Test("one file of another name is taken, several are ambiguous, an adapter's is none")
  func otherNames() throws {
    let directory = try TemporaryFolder()
    #expect(reason(directory.path.appending("absent")) == .absent)
    #expect(reason(directory.path) == .noWeights)
    try directory.write("adapter_model.safetensors", weights())
    #expect(reason(directory.path) == .adapter)
    try directory.write("diffusion.safetensors", weights("only"))
    let checkpoint = try Checkpoint(opening: directory.path)
    #expect(checkpoint.shards.map(\.fileName) == ["diffusion.safetensors"])
    #expect(checkpoint.surroundings.otherWeightFiles == ["adapter_model.safetensors"])
    try directory.write("diffusion.fp16.safetensors", weights())
    #expect(
      reason(directory.path)
        == .ambiguousWeights(["diffusion.fp16.safetensors", "diffusion.safetensors"]))
    try directory.write("model.safetensors", weights("main"))
    #expect(try Checkpoint(opening: directory.path).infos.map(\.name) == ["main"])
  }

  @Test("model.safetensors wins over an index of other files, which is stale then")
  func staleIndex() throws {
    let directory = try TemporaryFolder()
    let index = ShardIndex(shards: [("a", "model-1.safetensors")], byteCount: 4)
    try directory.write("model.safetensors.index.json", index.serialized())
    try directory.write("model-1.safetensors", weights("a"))
    #expect(try Checkpoint(opening: directory.path).infos.map(\.name) == ["a"])
    try directory.write("model.safetensors", weights("b"))
    let checkpoint = try Checkpoint(opening: directory.path)
    #expect(checkpoint.infos.map(\.name) == ["b"])
    #expect(checkpoint.index == nil)
    #expect(
      checkpoint.surroundings.otherWeightFiles == [
        "model-1.safetensors", "model.safetensors.index.json",
      ])
  }

  @Test("an index of model.safetensors alone is used")
  func indexOfOne() throws {
    let directory = try TemporaryFolder()
    let index = ShardIndex(shards: [("b", "model.safetensors")], byteCount: 4)
    try directory.write("model.safetensors.index.json", index.serialized())
    try directory.write("model.safetensors", weights("b"))
    #expect(try Checkpoint(opening: directory.path).index == index)
  }

  /// Writes two files with the tensors `a` and `b`, and an index.
  private func shards(
    _ map: [(tensor: String, shard: String)], second: String = "b"
  ) throws -> CheckpointError.Reason? {
    let directory = try TemporaryFolder()
    try directory.write("1.safetensors", weights("a"))
    try directory.write("2.safetensors", weights(second))
    try directory.write(
      "model.safetensors.index.json", ShardIndex(shards: map, byteCount: 8).serialized())
    return reason(directory.path)
  }

  @Test("index and files that contradict each other are refused")
  func contradictions() throws {
    let (one, two) = ("1.safetensors", "2.safetensors")
    #expect(try shards([("a", one), ("b", two)]) == nil)
    #expect(try shards([("a", one), ("b", "3.safetensors")]) == .shardAbsent("3.safetensors"))
    #expect(try shards([("a", one), ("b", two), ("c", two)]) == .tensorAbsent("c", shard: two))
    #expect(try shards([("a", two), ("b", one)]) == .tensorElsewhere("a", shard: one, other: two))
    #expect(try shards([("a", one), ("c", two)]) == .tensorUnlisted("b", shard: two))
    #expect(
      try shards([("a", one), ("b", two)], second: "a")
        == .tensorElsewhere("a", shard: two, other: one))
    #expect(try shards([]) == .noWeights)
    #expect(
      try shards([("a", one)]) == nil, "a file that the index does not name is another file")
  }

  @Test(
    "a configuration that is no JSON object is refused",
    arguments: [
      "", "[]", "{", #"{"a":1,"a":2}"#, "{}x",
    ])
  func malformedConfig(text: String) throws {
    let directory = try TemporaryFolder()
    try directory.write("model.safetensors", weights())
    #expect(reason(directory.path) == nil)
    try directory.write("config.json", text)
    switch try #require(reason(directory.path)) {
    case .malformedJSON, .unexpectedJSON: break
    case let other: Issue.record("\(other)")
    }
  }

  @Test("a configuration keeps its bytes, and what it does not say is nil")
  func config() throws {
    let directory = try TemporaryFolder()
    try directory.write("model.safetensors", weights())
    let text = #"{ "architectures" : [], "model_type": 3, "rope_theta": 1.0e4 }"#
    try directory.write("config.json", text)
    let checkpoint = try Checkpoint(opening: directory.path)
    #expect(checkpoint.configBytes?.text == text)
    #expect(checkpoint.config?["rope_theta"]?.numberValue?.text == "1.0e4")
    #expect(checkpoint.modelType == nil && checkpoint.architecture == nil)
    #expect(checkpoint.tiesWordEmbeddings == nil)
  }

  @Test("a damaged weights file is refused with its own rule")
  func damaged() throws {
    let directory = try TemporaryFolder()
    try directory.write("model.safetensors", weights() + [0])
    guard case .weights(let error)? = reason(directory.path) else {
      Issue.record("not refused")
      return
    }
    #expect(error.rule == .noTrailer)
  }

  @Test("a pipe in the place of a file is refused and not waited for", .timeLimit(.minutes(1)))
  func pipes() throws {
    let directory = try TemporaryFolder()
    try directory.makePipe("model.safetensors")
    guard case .weights(let error)? = reason(directory.path) else {
      Issue.record("not refused")
      return
    }
    #expect(error.systemError?.errno == .invalidArgument)
    #expect(throws: SystemError.self) { try InputFile(opening: directory("model.safetensors")) }
    #expect(reason(directory("model.safetensors")) != nil)
    let other = try TemporaryFolder()
    try other.makePipe("model.safetensors.index.json")
    #expect(reason(other.path) != nil)
  }

  @Test("directories too deep within one another are refused")
  func depth() throws {
    let directory = try TemporaryFolder()
    try directory.write("model.safetensors", weights())
    var path = directory.path
    for _ in 0..<16 {
      path.append("d")
      try path.createDirectory()
    }
    #expect(reason(directory.path) == nil)
    try path.appending("d").createDirectory()
    #expect(reason(directory.path) == .tooDeep(limit: 16))
  }

  @Test("every fixture with a defect is refused")
  func fixtures() throws {
    let entries = try Fixtures.path("invalid/checkpoints").directoryEntries()
      .filter { $0.kind == .directory }
    #expect(entries.count >= 8)
    for entry in entries { #expect(reason(entry.path) != nil, "\(entry.path)") }
  }
}
