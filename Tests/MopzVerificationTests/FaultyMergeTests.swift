import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzVerification

@Suite("Verification of faulty merges")
struct FaultyMergeTests {
  static let models = ["llama-f32", "llama-bf16", "llama-f16", "gpt2-bf16"]
  static let halfModels = ["llama-bf16", "llama-f16", "gpt2-bf16"]

  /// The findings about a merge that `tamper` has spoilt.
  private func report(
    _ binding: Binding, dtype: DType? = nil, _ tamper: (inout SampleMerge) throws -> Void
  ) throws -> MergedVerification {
    let folder = try TemporaryFolder()
    var sample = try SampleMerge(binding, dtype: dtype)
    try tamper(&sample)
    try sample.write(to: folder)
    return try MergedVerification(of: Checkpoint(opening: folder.path), against: binding)
  }

  private func rules(_ report: MergedVerification) -> Set<String> {
    Set(report.findings.filter { $0.severity == .error }.map(\.rule))
  }

  @Test("truncation instead of rounding is caught in 16-bit types", arguments: halfModels)
  func truncation(model: String) throws {
    let report = try report(SampleMerge.binding(model, "lora-all")) { sample in
      for name in sample.productNames { sample.contents[name]?.truncate() }
    }
    #expect(rules(report) == ["EXACT"])
    #expect(report.tensors.allSatisfy { $0.maxULP <= 1 && !$0.isPassing })
  }

  @Test("truncation of f32 gets a warning")
  func truncation32() throws {
    let report = try report(SampleMerge.binding("llama-f32", "lora-all")) { sample in
      for name in sample.productNames { sample.contents[name]?.truncate() }
    }
    #expect(rules(report) == [])
    #expect(report.findings.contains { $0.severity == .warning && $0.rule == "EXACT" })
  }

  @Test("a doubled or halved α is caught", arguments: models, [2, 0.5])
  func alpha(model: String, factor: Double) throws {
    let wrong = try SampleMerge(SampleMerge.binding(model, "lora-all", scale: factor))
    let report = try report(SampleMerge.binding(model, "lora-all")) { sample in
      sample.contents = wrong.contents
    }
    #expect(!report.isPassing)
    #expect(report.tensors.allSatisfy { !$0.isPassing })
    let survival = try #require(report.survival)
    #expect(abs(survival - factor) < 0.1)
  }

  @Test("rows and elements at the end that were left as they were are caught", arguments: models)
  func skippedTail(model: String) throws {
    let binding = try SampleMerge.binding(model, "lora-all")
    let base = try SampleMerge(binding, dtype: nil)
    for count in [1, 30] {
      let report = try report(binding) { sample in
        for name in sample.productNames {
          let tensor = try #require(binding.base.tensor(named: name))
          let values = tensor.view.float64Elements()
          let bits = SampleMerge.round(values ?? [], to: tensor.dtype)
          let end = bits.count
          sample.contents[name]?.bits.replaceSubrange(
            (end - count)..., with: bits[(end - count)...])
        }
      }
      // One element alone may be unchanged by rounding.
      let spoilt = report.tensors.filter { !$0.isPassing }.count
      #expect(count == 1 ? spoilt > 0 : spoilt == base.productNames.count)
    }
  }

  @Test("one unit in the last place in every 500th element of a 16-bit type is caught")
  func rate() throws {
    for model in Self.halfModels {
      let binding = try SampleMerge.binding(model, "lora-all")
      for (step, isCaught) in [(200, true), (100_000, false)] {
        let report = try report(binding) { sample in
          for name in sample.productNames {
            let count = sample.contents[name]?.bits.count ?? 0
            for i in stride(from: 0, to: count, by: step) { sample.contents[name]?.bits[i] ^= 1 }
          }
        }
        #expect(report.isPassing == !isCaught)
        // A changed last bit is one unit, and less where ΔW is greater than the sum.
        #expect(report.tensors.allSatisfy { $0.maxULP > 0 && $0.maxULP <= 1 })
      }
    }
  }

  @Test("two units in the last place in a single element are caught", arguments: models)
  func twoUnits(model: String) throws {
    let binding = try SampleMerge.binding(model, "lora-all")
    let name = try #require(binding.targets.first).name
    let report = try report(binding) { sample in
      // The element of the greatest magnitude, so that |ΔW| does not enlarge the unit.
      let content = try #require(sample.contents[name])
      let i = try #require(
        content.exact.indices.max { content.exact[$0].magnitude < content.exact[$1].magnitude })
      sample.contents[name]?.bits[i] -= 2
    }
    #expect(rules(report) == ["ULP"])
    #expect(report.tensors.first { $0.name == name }?.inexactCount == 1)
  }

  @Test("a transposed square matrix is caught")
  func transposed() throws {
    let binding = try SampleMerge.binding("llama-bf16", "lora-all")
    let report = try report(binding) { sample in
      for target in binding.targets where target.matrix.rows == target.matrix.columns {
        let n = target.matrix.rows
        let bits = sample.contents[target.name]?.bits ?? []
        sample.contents[target.name]?.bits = (0..<n * n).map { bits[$0 % n * n + $0 / n] }
      }
    }
    #expect(rules(report).contains("ULP"))
  }

  @Test("ΔW added transposed to a square matrix is caught")
  func transposedDelta() throws {
    let binding = try SampleMerge.binding("gpt2-f32", "lora-all")
    let square = binding.targets.filter { $0.matrix.rows == $0.matrix.columns }
    #expect(!square.isEmpty)
    let report = try report(binding) { sample in
      for target in square {
        let n = target.matrix.rows
        let tensor = binding.baseTensor(of: target)
        let values = tensor.view.float64Elements()
        let base = try #require(values)
        let exact = sample.contents[target.name]?.exact ?? []
        let turned = (0..<n * n).map {
          base[$0] + exact[$0 % n * n + $0 / n] - base[$0 % n * n + $0 / n]
        }
        sample.contents[target.name]?.bits = SampleMerge.round(turned, to: .f32)
      }
    }
    #expect(report.tensors.filter { !$0.isPassing }.count == square.count)
  }

  @Test("one flipped bit of an untouched tensor is caught", arguments: [nil, DType.f16])
  func flippedBit(dtype: DType?) throws {
    let binding = try SampleMerge.binding("llama-bf16", "lora-all")
    let report = try report(binding, dtype: dtype) { sample in
      sample.contents["model.norm.weight"]?.bits[3] ^= 1
    }
    #expect(rules(report) == ["COPY"])
    let finding = try #require(report.findings.first)
    #expect(finding.where == "model.norm.weight")
    #expect(finding.message.contains("1 of 24 elements"))
    #expect(finding.message.contains("element 3"))
  }

  @Test("a layer that was left out is caught", arguments: models)
  func droppedLayer(model: String) throws {
    let binding = try SampleMerge.binding(model, "lora-all")
    let name = try #require(binding.targets.last).name
    let report = try report(binding) { sample in
      let tensor = try #require(binding.base.tensor(named: name))
      let values = tensor.view.float64Elements()
      sample.contents[name]?.bits = SampleMerge.round(values ?? [], to: tensor.dtype)
    }
    #expect(report.tensors.filter { !$0.isPassing }.map(\.name) == [name])
    #expect(report.tensors.last?.survival == 0)
    #expect(report.tensors.last?.unchanged == 1)
  }

  @Test("another base is caught, in touched and untouched tensors")
  func wrongBase() throws {
    let wrong = try SampleMerge.binding("llama-sharded-bf16", "lora-all")
    let binding = try SampleMerge.binding("llama-sharded-bf16", "lora-all")
    let report = try report(binding) { sample in
      sample.contents = try SampleMerge(wrong).contents
      for name in sample.contents.keys {
        for i in sample.contents[name]?.bits.indices ?? 0..<0 {
          sample.contents[name]?.bits[i] ^= 4
        }
      }
    }
    #expect(rules(report).isSuperset(of: ["ULP", "COPY"]))
    #expect(report.tensors.count == binding.base.infos.count)
  }

  @Test("missing, extra and mistyped tensors are all reported")
  func names() throws {
    let binding = try SampleMerge.binding("llama-f32", "lora-all")
    let report = try report(binding) { sample in
      sample.contents["model.norm.weight"] = nil
      var extra = try #require(sample.contents["lm_head.weight"])
      extra.info.name = "stray.weight"
      sample.contents["stray.weight"] = extra
      let name = try #require(sample.productNames.first)
      let narrow = TensorInfo(
        name: name, dtype: .bf16, shape: try #require(sample.contents[name]).info.shape)
      sample.contents[name]?.info = narrow
      for i in sample.contents[name]?.bits.indices ?? 0..<0 {
        sample.contents[name]?.bits[i] = 0x3F80
      }
    }
    #expect(rules(report) == ["MISSING", "EXTRA", "TYPE", "SHARD"])
  }

  @Test("an added tensor that is not the adapter's is caught")
  func added() throws {
    let report = try report(SampleMerge.binding("roberta-mlm-f32", "seq-cls")) { sample in
      let name = try #require(sample.binding.added.first).name
      sample.contents[name]?.bits[0] ^= 1
    }
    #expect(rules(report) == ["ADDED"])
  }

  @Test("a replaced tensor that is not the adapter's is caught, by a single bit")
  func replaced() throws {
    let report = try report(SampleMerge.binding("llama-f32", "modules-to-save")) { sample in
      sample.contents["lm_head.weight"]?.bits[7] ^= 1
    }
    #expect(rules(report) == ["REPLACED"])
  }

  @Test("elements that are not finite are caught, with the overflow of a conversion")
  func finite() throws {
    let touched = try report(SampleMerge.binding("llama-bf16", "lora-all")) { sample in
      let name = try #require(sample.productNames.first)
      sample.contents[name]?.bits[0] = 0x7FC0
      sample.contents[name]?.bits[1] = 0x7F80
    }
    #expect(rules(touched) == ["FINITE"])
    #expect(touched.tensors.first?.isFinite == false)
    #expect(touched.tensors.first?.json["max_ulp"] == .null)
  }

  @Test("other metadata, and another shard's content, are caught")
  func structure() throws {
    let binding = try SampleMerge.binding("llama-sharded-bf16", "lora-all")
    let report = try report(binding) { sample in
      let first = binding.base.shards[0].fileName
      sample.metadata[first] = .some([.init(key: "format", value: "tf")])
    }
    #expect(rules(report) == ["METADATA"])
  }

  @Test("changed files beside the weights are caught")
  func files() throws {
    let binding = try SampleMerge.binding("llama-f32", "lora-all")
    let folder = try TemporaryFolder()
    try SampleMerge(binding).write(to: folder)
    for name in ["tokenizer.json", "config.json", "generation_config.json"] {
      try folder(name).removeTree()
    }
    for (name, text) in [("config.json", "{\"model_type\": \"llama\"}"), ("tokenizer.json", "{}")] {
      try folder.write(name, text)
    }
    let report = try MergedVerification(of: Checkpoint(opening: folder.path), against: binding)
    let places = report.findings.filter { $0.severity == .error }.map(\.where)
    #expect(Set(places) == ["tokenizer.json", "config.json", "generation_config.json"])
  }

  @Test("a configuration that keeps the old element type is caught")
  func configuredType() throws {
    let binding = try SampleMerge.binding("llama-f32", "lora-all")
    let folder = try TemporaryFolder()
    try SampleMerge(binding, dtype: .bf16).write(to: folder)
    let bytes = try #require(binding.base.configBytes)
    let config = [UInt8](copying: bytes.span)
    try folder("config.json").removeTree()
    try folder.write("config.json", config)
    let report = try MergedVerification(of: Checkpoint(opening: folder.path), against: binding)
    #expect(rules(report) == ["FILE"] || rules(report) == ["CONFIG"])
    #expect(report.convertedType == .bf16)
  }
}
