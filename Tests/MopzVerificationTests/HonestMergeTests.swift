import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzVerification

@Suite("Verification of honest merges")
struct HonestMergeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var model: String
    var adapter: String
    var dtype: DType?
    var testDescription: String { "\(model)/\(adapter) \(dtype?.code ?? "keep")" }
  }

  static let cases: [Case] = [
    Case(model: "llama-f32", adapter: "lora-all"), Case(model: "llama-bf16", adapter: "lora-all"),
    Case(model: "llama-f16", adapter: "lora-all"), Case(model: "llama-f32", adapter: "dora"),
    Case(model: "llama-bf16", adapter: "dora"), Case(model: "llama-f32", adapter: "embed-dora"),
    Case(model: "llama-f32", adapter: "embed"), Case(model: "llama-f32", adapter: "token-rows"),
    Case(model: "llama-f32", adapter: "modules-to-save"),
    Case(model: "llama-sharded-bf16", adapter: "lora-all"),
    Case(model: "llama-sharded-bf16", adapter: "lora-all", dtype: .f32),
    Case(model: "llama-f32", adapter: "lora-all", dtype: .bf16),
    Case(model: "llama-f32", adapter: "lora-all", dtype: .f16),
    Case(model: "llama-bf16", adapter: "lora-all", dtype: .f16),
    Case(model: "llama-bf16", adapter: "tiny-delta"),
    Case(model: "llama-tied-f32", adapter: "embed"),
    Case(model: "llama-tied-f32", adapter: "lm-head"),
    Case(model: "llama-tied-f32", adapter: "both-tied"),
    Case(model: "gpt2-bf16", adapter: "lora-all"), Case(model: "gpt2-f32", adapter: "dora"),
    Case(model: "gpt2-bf16", adapter: "wte"), Case(model: "gpt2-bare-f32", adapter: "lora-all"),
    Case(model: "qwen2-bf16", adapter: "bias-all"), Case(model: "qwen2-f32", adapter: "lora-bias"),
    Case(model: "roberta-mlm-f32", adapter: "seq-cls"),
    Case(model: "roberta-f32", adapter: "leaked-wrappers"),
    Case(model: "convnet-f32", adapter: "lora-all"), Case(model: "convnet-f32", adapter: "dora"),
  ]

  @Test("an honest merge passes, exact in every element", arguments: cases)
  func passes(_ sample: Case) throws {
    let binding = try SampleMerge.binding(sample.model, sample.adapter)
    let folder = try TemporaryFolder()
    try SampleMerge(binding, dtype: sample.dtype).write(to: folder)
    let merged = try Checkpoint(opening: folder.path)
    let report = try MergedVerification(of: merged, against: binding)
    #expect(report.findings == [])
    #expect(report.isPassing)
    #expect(report.convertedType == sample.dtype)
    #expect(report.touchedCount == binding.targets.count)
    #expect(report.addedCount == binding.added.count)
    let untied = binding.targets.count { $0.isUntied }
    #expect(
      report.copiedCount == binding.base.infos.count - binding.targets.count + untied)
    #expect(report.tensors.count == binding.targets.count + binding.added.count)
    for tensor in report.tensors {
      #expect(tensor.isFinite && tensor.isPassing && tensor.maxULP <= 1)
      // Plain sums and those of a product differ in the last bit of a Float64.
      #expect(tensor.inexactCount == 0)
    }
    let survival = try #require(report.survival)
    #expect(sample.adapter == "tiny-delta" ? survival < 0.9 : abs(survival - 1) < 0.1)
  }

  @Test("the values do not depend on the number of threads")
  func threads() throws {
    let binding = try SampleMerge.binding("gpt2-f32", "dora")
    let folder = try TemporaryFolder()
    try SampleMerge(binding).write(to: folder)
    let merged = try Checkpoint(opening: folder.path)
    let reports = try [1, 2, 5].map { count in
      try MergedVerification(of: merged, against: binding, threads: WorkerThreads(count: count))
        .tensors.map(\.json)
    }
    #expect(reports[0] == reports[1])
    #expect(reports[0] == reports[2])
  }

  @Test("an accurate merge in Float32 passes for 16-bit types")
  func float32Sums() throws {
    let binding = try SampleMerge.binding("llama-bf16", "lora-all")
    var sample = try SampleMerge(binding)
    for target in binding.targets {
      let pair = try binding.deltaFactors(of: target)
      let tensor = binding.baseTensor(of: target)
      let values = tensor.view.float32Elements()
      let base = try #require(values)
      let (left, right) = (pair.left.map { Float($0) }, pair.right.map { Float($0) })
      let columns = target.matrix.columns
      let sums = base.indices.map { i in
        var sum: Float = 0
        for j in 0..<pair.rank {
          sum += left[i / columns * pair.rank + j] * right[j * columns + i % columns]
        }
        return Double(base[i] + sum)
      }
      sample.contents[target.name]?.bits = SampleMerge.round(sums, to: .bf16)
    }
    let folder = try TemporaryFolder()
    try sample.write(to: folder)
    let report = try MergedVerification(
      of: Checkpoint(opening: folder.path), against: binding)
    #expect(report.findings == [])
  }

  @Test("the values of a tensor are its survival, error and share of unchanged elements")
  func values() throws {
    let binding = try SampleMerge.binding("llama-bf16", "tiny-delta")
    let folder = try TemporaryFolder()
    let sample = try SampleMerge(binding)
    try sample.write(to: folder)
    let report = try MergedVerification(
      of: Checkpoint(opening: folder.path), against: binding)
    for tensor in report.tensors {
      let content = try #require(sample.contents[tensor.name])
      let base = try #require(binding.base.tensor(named: tensor.name))
      let values = base.view.float64Elements()
      let before = try #require(values)
      let after = content.bits.map {
        Double(bitPattern: ReferenceFloat.convert($0, from: .bf16, to: .f64))
      }
      let delta = zip(content.exact, before).map { $0 - $1 }
      let change = zip(after, before).map { $0 - $1 }
      let product = zip(change, delta).reduce(0) { $0 + $1.0 * $1.1 }
      let square = delta.reduce(0) { $0 + $1 * $1 }
      let unchanged = Double(change.count { $0 == 0 }) / Double(change.count)
      #expect(abs(try #require(tensor.survival) - product / square) < 1e-9)
      let error = ReferenceMath.relativeError(change, delta)
      #expect(abs(try #require(tensor.relativeError) - error) < 1e-9)
      #expect(tensor.unchanged == unchanged)
      #expect(tensor.json["max_ulp"] == JSON(0.0))
      #expect(tensor.json["dtype"]?.stringValue == "BF16")
    }
  }
}
