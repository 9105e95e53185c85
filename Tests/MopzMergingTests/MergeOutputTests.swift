import MopzAdapters
import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import MopzMerging

@Suite("What stands in the output of a merge, and what does not")
struct MergeOutputTests {
  static let config = """
    {
      "architectures": ["LlamaForCausalLM"],
      "model_type": "llama",
      "rope_theta": 10000.0,
      "tie_word_embeddings": true,
      "torch_dtype": "bfloat16"
    }
    """

  /// A base of two files with an embedding, two weights and an integer table.
  private func model() throws -> (SampleMergeModel, Adapter) {
    var model = try SampleMergeModel(seed: 60)
    model.add("model.embed_tokens.weight", [13, 8], .bf16)
    model.add("model.layers.0.q_proj.weight", [8, 8], .bf16)
    model.add("model.layers.0.up_proj.weight", [11, 8], .bf16)
    model.tensors.append(
      ("model.table", Tensor(dtype: .i32, shape: [3], bytes: Bytes([UInt8](1...12)))))
    var adapter = Adapter(name: "a", kind: .lora)
    model.addLowRank(to: &adapter, "model.layers.0.up_proj", out: 11, in: 8, rank: 2)
    return (model, adapter)
  }

  private func plan(
    _ model: SampleMergeModel, _ adapter: Adapter, base: FilePath, to name: String = "out",
    _ options: MergeOptions = MergeOptions(threads: WorkerThreads(count: 1))
  ) throws -> MergePlan {
    let binding = try Binding([AppliedAdapter(adapter)], to: Checkpoint(opening: base))
    return try MergePlan(of: binding, to: model.folder(name), options: options)
  }

  @Test("headers, index, configuration and other files are the base's, byte for byte")
  func unchanged() throws {
    let (model, adapter) = try model()
    let base = try model.write(boundary: 2, config: Self.config)
    try model.folder.write("base/tokenizer.json", "{}")
    try model.folder.write("base/pytorch_model.bin", "old")
    try model.folder("base/extra").createDirectory()
    try model.folder.write("base/extra/template.jinja", "{{ x }}")
    try model.folder.write("note.txt", "linked")
    try model.folder.link("base/note.txt", to: model.folder("note.txt").string)
    let plan = try plan(model, adapter, base: base)
    let report = try plan.run()
    #expect(report.verdict == .merged && report.copiedCount == 3 && report.added.isEmpty)
    #expect(
      report.findings.contains { $0.rule == "NOT-COPIED" && $0.where.contains("pytorch_model.bin") }
    )
    let (before, after) = (try contents(of: base), try contents(of: model.folder("out")))
    #expect(
      Set(after.keys)
        == Set(before.keys).subtracting(["pytorch_model.bin"])
        .union(["merge_report.json", "note.txt"]))
    for (name, bytes) in before where name != "pytorch_model.bin" {
      guard name.hasSuffix("00002-of-00002.safetensors") else {
        expectSameBytes(after[name] ?? [], bytes, name)
        continue
      }
      let file = try SafetensorsFile(opening: base.appending(name))
      let header = file.header.byteCount
      expectSameBytes(Array((after[name] ?? []).prefix(header)), Array(bytes.prefix(header)), name)
      #expect(after[name] != bytes)
    }
    #expect(after["note.txt"] == Array("linked".utf8))
    let nested = try Bytes(mapping: model.folder("out/extra/template.jinja"))
    #expect(nested.text == "{{ x }}")
  }

  @Test("the report has the fields that others read")
  func report() throws {
    let (model, adapter) = try model()
    let plan = try plan(model, adapter, base: model.write())
    let report = try plan.run()
    let bytes = try Bytes(mapping: model.folder("out/merge_report.json"))
    let json = try JSON(parsing: bytes.span)
    let tensor = try #require(json["tensors"]?.arrayValue?.first)
    #expect(
      tensor.objectValue?.keys.map { $0 }
        == ["name", "dtype", "survival", "relative_error", "unchanged", "finite"])
    #expect(tensor["name"]?.stringValue == "model.layers.0.up_proj.weight")
    #expect(tensor["dtype"]?.stringValue == "BF16" && tensor["finite"]?.boolValue == true)
    #expect(json["touched"]?.intValue == 1 && json["copied"]?.intValue == 3)
    #expect(json["added"]?.intValue == 0 && json["verdict"]?.stringValue == "merged")
    let survival = try #require(json["survival"]?.doubleValue)
    #expect(survival == report.total.survival && (0.98...1.02).contains(survival))
    #expect(json["relative_error"]?.doubleValue == report.total.relativeError)
  }

  @Test(
    "another element type converts all weights, configuration and index",
    arguments: [DType.f32, .f16])
  func conversion(type: DType) throws {
    let (model, adapter) = try model()
    let base = try model.write(boundary: 2, config: Self.config)
    let plan = try plan(model, adapter, base: base, MergeOptions(dtype: type))
    #expect(plan.typeChanges.map(\.count) == [3])
    _ = try plan.run()
    let merged = try Checkpoint(opening: model.folder("out"))
    for info in merged.infos { #expect(info.dtype == (info.name == "model.table" ? .i32 : type)) }
    let original = try Checkpoint(opening: base)
    let name = "model.embed_tokens.weight"
    let exact = try #require(original.tensor(named: name)).numbers
    let found = try #require(merged.tensor(named: name)).numbers
    #expect(found == Tensor(exact, shape: [13, 8], dtype: type).numbers)
    #expect(merged.config?["torch_dtype"]?.stringValue == (type == .f32 ? "float32" : "float16"))
    #expect(merged.config?["rope_theta"]?.numberValue?.text == "10000.0")
    let width = type.bitCount / 8
    #expect(merged.index?.totalByteCount == (13 * 8 + 64 + 88) * width + 12)
  }

  @Test("an untied head is added to the last file, and configuration and index say so")
  func untied() throws {
    var (model, adapter) = try model()
    model.addLowRank(
      to: &adapter, "model.embed_tokens", out: 8, in: 13, rank: 2, layout: .embedding)
    let base = try model.write(boundary: 2, config: Self.config)
    let report = try plan(model, adapter, base: base).run()
    #expect(report.added == ["lm_head.weight"])
    #expect(report.findings.contains { $0.rule == "TIE" && $0.severity == .warning })
    let (original, merged) = (
      try Checkpoint(opening: base), try Checkpoint(opening: model.folder("out"))
    )
    #expect(merged.tiesWordEmbeddings == false)
    #expect(merged.index?.shard(of: "lm_head.weight") == "model-00002-of-00002.safetensors")
    let (head, embedding) = (
      try #require(merged.tensor(named: "lm_head.weight")),
      try #require(original.tensor(named: "model.embed_tokens.weight"))
    )
    expectSameBytes(head.bytes, embedding.bytes)
    #expect(merged.index?.totalByteCount == (13 * 8 * 2 + 64 + 88) * 2 + 12)
  }

  @Test("a base that is one file becomes a directory")
  func singleFile() throws {
    let (model, adapter) = try model()
    let base = try model.write(config: Self.config).appending("model.safetensors")
    try model.folder.write("base/tokenizer.json", "{}")
    _ = try plan(model, adapter, base: base).run()
    #expect(
      try contents(of: model.folder("out")).keys.sorted()
        == ["merge_report.json", "model.safetensors"])
  }

  @Test("an update that rounding erases is refused and leaves nothing, unless that is allowed")
  func lossy() throws {
    var (model, adapter) = try model()
    adapter = Adapter(name: "tiny", kind: .lora)
    model.addLowRank(
      to: &adapter, "model.layers.0.up_proj", out: 11, in: 8, rank: 2, size: 0.0004)
    let base = try model.write()
    let refused = try plan(model, adapter, base: base).run()
    #expect(refused.verdict == .refused)
    #expect(refused.findings.contains { $0.rule == "SURVIVAL" && $0.message.contains("--dtype") })
    #expect(try model.folder.names() == ["base"])
    let allowed = try plan(
      model, adapter, base: base, MergeOptions(allowsLoss: true)
    ).run()
    #expect(allowed.verdict == .lossy)
    #expect(try model.folder.names() == ["base", "out"])
    let kept = try plan(model, adapter, base: base, to: "f32", MergeOptions(dtype: .f32)).run()
    #expect(kept.verdict == .merged && abs((kept.total.survival ?? 0) - 1) < 1e-3)
  }

  @Test(
    "values that overflow in another type are refused by name, touched or not",
    arguments: ["model.embed_tokens.weight", "model.layers.0.up_proj.weight"])
  func overflow(name: String) throws {
    var (model, adapter) = try model()
    let index = try #require(model.tensors.firstIndex { $0.name == name })
    var numbers = model.tensors[index].tensor.numbers
    numbers[7] = 1e6
    model.tensors[index].tensor = Tensor(
      numbers, shape: model.tensors[index].tensor.shape, dtype: .bf16)
    let base = try model.write()
    let report = try plan(model, adapter, base: base, MergeOptions(dtype: .f16, allowsLoss: true))
      .run()
    #expect(report.verdict == .refused)
    #expect(report.findings.contains { $0.rule == "OVERFLOW" && $0.where == name })
    #expect(try model.folder.names() == ["base"])
    #expect(try plan(model, adapter, base: base).run().verdict == .merged)
  }

  @Test("an output that exists, or that an input lies in or around, is refused")
  func outputs() throws {
    let (model, adapter) = try model()
    let base = try model.write()
    try model.folder("out").createDirectory()
    #expect(throws: MergeError.self) { try plan(model, adapter, base: base) }
    let force = MergeOptions(force: true)
    _ = try plan(model, adapter, base: base, force).run()
    #expect(try contents(of: model.folder("out")).count == 2)
    for name in ["base", "base/inside", "."] {
      #expect {
        try plan(model, adapter, base: base, to: name, force)
      } throws: { error in
        if case .outputTouchesInput = error as? MergeError { true } else { false }
      }
    }
    #expect(try contents(of: base).count == 1)
  }

  @Test("a failure at any change of the file system leaves nothing behind")
  func faults() throws {
    let (model, adapter) = try model()
    let base = try model.write(boundary: 2, config: Self.config)
    let plan = try plan(model, adapter, base: base)
    let log = FileEventLog()
    _ = try FileEvent.$observer.withValue(log.observe) { try plan.run() }
    let count = log.events.count
    #expect(count > 12)
    try model.folder("out").removeTree()
    for failing in 0..<count {
      let log = FileEventLog(failingAt: failing)
      #expect(throws: MergeError.self) {
        try FileEvent.$observer.withValue(log.observe) { _ = try plan.run() }
      }
      // After the renaming the output stands, whole; before, nothing does.
      let names = try model.folder.names()
      if names != ["base"] {
        #expect(names == ["base", "out"] && failing == count - 1)
        try model.folder("out").removeTree()
      }
    }
  }

  @Test("an interruption leaves nothing behind")
  func interruption() throws {
    let (model, adapter) = try model()
    let plan = try plan(model, adapter, base: model.write())
    Cancellation.withIsolatedFlag {
      Cancellation.request()
      #expect(throws: MergeError.interrupted) { try plan.run() }
    }
    #expect(try model.folder.names() == ["base"])
  }

  @Test("updates of several adapters that cancel out are refused")
  func cancelling() throws {
    let (model, adapter) = try model()
    var other = adapter
    other.name = "b"
    let binding = try Binding(
      [AppliedAdapter(adapter), AppliedAdapter(other, scale: -1)],
      to: Checkpoint(opening: model.write()))
    #expect(throws: MergeError.binding(.cancelled(adapters: [adapter.name, "b"]))) {
      try MergePlan(of: binding, to: model.folder("out"))
    }
    #expect(try model.folder.names() == ["base"])
  }

  @Test("progress ends at the size of the weights")
  func progress() throws {
    let (model, adapter) = try model()
    let plan = try plan(model, adapter, base: model.write())
    let log = ProgressLog()
    let report = try plan.run { log.note($0) }
    #expect(log.last?.doneByteCount == report.byteCount)
    #expect(log.last?.totalByteCount == report.byteCount)
    #expect(plan.predictedMemoryByteCount < 64 << 20)
  }
}

/// Keeps the furthest progress that was told.
final class ProgressLog: Sendable {
  private let furthest = Mutex<MergeProgress?>(nil)

  var last: MergeProgress? { furthest.withLock { $0 } }

  func note(_ progress: MergeProgress) {
    furthest.withLock { furthest in
      if progress.doneByteCount >= furthest?.doneByteCount ?? 0 { furthest = progress }
    }
  }
}
