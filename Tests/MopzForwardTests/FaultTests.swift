import MopzAdapters
import MopzBinding
import MopzBytes
import MopzForward
import MopzMerging
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

/// A merge with a fault, which the forward pass has to find in the finished files.
struct MergeFault: Sendable, CustomTestStringConvertible {
  let name: String
  let example: String
  let change: @Sendable (inout Adapter) -> Void

  var testDescription: String { name }

  private static func scaled(_ name: String, _ example: String, by factor: Double) -> MergeFault {
    MergeFault(name: name, example: example) { adapter in
      for target in adapter.targets.indices {
        for term in adapter.targets[target].terms.indices {
          adapter.targets[target].terms[term].scaling *= factor
        }
      }
    }
  }

  static let all: [MergeFault] =
    [
      "llama-gqa-f32+lora-all", "llama-gqa-bf16+lora-all", "qwen2-f32+lora-all",
      "qwen2-bf16+lora-all", "gpt2-f32+lora-all", "gemma2-f32+lora-all", "llama-gqa-f16+lora-all",
    ].flatMap { example in
      [
        scaled("\(example): α halved", example, by: 0.5),
        scaled("\(example): α doubled", example, by: 2),
        // α/r in place of α/√r, at rank 4.
        scaled("\(example): rsLoRA ignored", example, by: 0.5),
        MergeFault(name: "\(example): one layer dropped", example: example) { adapter in
          for target in adapter.targets.indices
          where adapter.targets[target].module.contains(".1.") {
            for term in adapter.targets[target].terms.indices {
              adapter.targets[target].terms[term].scaling = 0
            }
          }
        },
        MergeFault(name: "\(example): one module dropped", example: example) { adapter in
          let terms = adapter.targets[0].terms.indices
          for term in terms { adapter.targets[0].terms[term].scaling = 0 }
        },
      ]
    }
}

@Suite("Faults in finished merges")
struct FaultTests {
  /// Merges to files.
  private func merge(
    _ adapter: Adapter, into base: Checkpoint, type: DType? = nil, at path: FilePath
  ) throws -> Checkpoint {
    let binding = try Binding([AppliedAdapter(adapter)], to: base)
    let options = MergeOptions(
      dtype: type, allowsLoss: true, threads: WorkerThreads(count: 2))
    _ = try MergePlan(of: binding, to: path, options: options).run()
    return try Checkpoint(opening: path)
  }

  private func report(
    _ example: ForwardCase, _ merged: Checkpoint
  ) throws -> ForwardReport {
    try ForwardVerification(
      of: example.binding(), merged: merged, tokens: example.tokens(),
      threads: WorkerThreads(count: 2)
    ).run()
  }

  @Test(
    "an honest merge passes, in every type",
    arguments: ForwardCase.all.filter { $0.adapters.count == 1 }, [DType.f32, .f16, .bf16])
  func honest(_ example: ForwardCase, _ type: DType) throws {
    let folder = try TemporaryFolder()
    let merged = try merge(
      example.adapter(0), into: example.base(), type: type, at: folder("merged"))
    let report = try report(example, merged)
    #expect(report.isPassing, "\(report.lines(verbose: true).joined(separator: "\n"))")
    #expect(report.firstDivergence == nil)
    #expect(report.effect > 0.01 && report.tokenCount > 0)
  }

  @Test("a faulty merge is rejected", arguments: MergeFault.all)
  func faulty(_ fault: MergeFault) throws {
    let example = try ForwardCase.named(fault.example)
    var adapter = try example.adapter(0)
    fault.change(&adapter)
    let folder = try TemporaryFolder()
    let report = try report(
      example, merge(adapter, into: example.base(), at: folder("merged")))
    #expect(!report.isPassing, "\(report.lines(verbose: true).joined(separator: "\n"))")
    #expect(report.firstDivergence != nil)
    #expect(!report.findings.filter { $0.severity == .error }.isEmpty)
    if fault.name.hasSuffix("one layer dropped") { #expect(report.firstDivergence?.layer == 1) }
  }
}
