import MopzBinding
import MopzBytes
import MopzMerging
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzVerification

@Suite("Verification of what merge writes")
struct OwnMergeTests {
  @Test("every merge of the fixtures passes", arguments: PEFTMergeTests.cases)
  func passes(_ sample: PEFTMergeTests.Case) throws {
    let binding = try SampleMerge.binding(sample.model, sample.adapter)
    let types: [DType?] = sample.isErased ? [nil] : [nil, .f32, .f16, .bf16]
    for dtype in types {
      let folder = try TemporaryFolder()
      let options = MergeOptions(dtype: dtype, allowsLoss: true)
      _ = try MergePlan(of: binding, to: folder("merged"), options: options).run()
      let merged = try Checkpoint(opening: folder("merged"))
      let report = try MergedVerification(of: merged, against: binding)
      #expect(report.findings == [], "\(dtype?.code ?? "keep")")
      for tensor in report.tensors { #expect(tensor.isPassing && tensor.maxULP <= 1) }
    }
  }

  @Test("measurements of merge and verification agree")
  func values() throws {
    let binding = try SampleMerge.binding("llama-bf16", "lora-all")
    let folder = try TemporaryFolder()
    let written = try MergePlan(of: binding, to: folder("merged")).run()
    let report = try MergedVerification(
      of: Checkpoint(opening: folder("merged")), against: binding)
    let survival = try #require(report.survival)
    #expect(abs(survival - (written.total.survival ?? 0)) < 1e-4)
    #expect(report.touchedCount == written.tensors.count)
    for tensor in report.tensors {
      let own = try #require(written.tensors.first { $0.name == tensor.name })
      #expect(tensor.unchanged == own.unchangedShare)
      #expect(abs((tensor.relativeError ?? 0) - (own.relativeError ?? 0)) < 1e-3)
    }
  }
}
