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

  @Test("a faulty merge is rejected, and an honest one passes", arguments: FaultCase.all)
  func faulty(_ fault: FaultCase) throws {
    let tokens = try ForwardCase.named(fault.example).tokens()
    let report = try FaultyMerge(fault).report(tokens)
    let text = report.lines(verbose: true).joined(separator: "\n")
    #expect(report.isPassing == (fault.fault == .none), "\(text)")
    #expect(report.effect > 2 * report.noiseFloor)
    #expect(report.findings.contains { $0.severity == .error } == (fault.fault != .none))
    if let layer = fault.fault.firstLayer, fault.scale == 1 {
      #expect(report.firstDivergence?.layer == layer, "\(text)")
    }
  }

  @Test(
    "the negative controls are rejected for every adapter",
    arguments: ForwardCase.all.filter { $0.adapters.count == 1 })
  func controls(_ example: ForwardCase) throws {
    let verification = try ForwardVerification(
      of: example.binding(), merged: nil, tokens: example.tokens(),
      threads: WorkerThreads(count: 2))
    let controls = try verification.negativeControls()
    #expect(controls.count >= 2)
    for (control, report) in controls { #expect(!report.isPassing, "\(control.rawValue)") }
  }

  @Test("a model without a description is checked module by module, and it says so")
  func perModule() throws {
    let example = try ForwardCase.named("llama-gqa-f32+lora-all")
    let base = try Checkpoint(opening: ForwardCase.path(example.model + "/model.safetensors"))
    #expect(base.config == nil)
    let folder = try TemporaryFolder()
    let binding = try Binding([AppliedAdapter(example.adapter(0))], to: base)
    let honest = try merge(example.adapter(0), into: base, at: folder("honest"))
    var half = try example.adapter(0)
    for target in half.targets.indices { half.targets[target].terms[0].scaling /= 2 }
    let faulty = try merge(half, into: base, at: folder("faulty"))
    for (merged, passes) in [(honest, true), (faulty, false)] {
      let report = try ForwardVerification(of: binding, merged: merged).run()
      #expect(report.method == .perModule && report.isPassing == passes)
      #expect(report.json["method"]?.stringValue == "per-module")
      #expect(report.lines(verbose: false)[0].contains("no forward pass was run"))
      #expect(report.findings.contains { $0.severity == .warning })
    }
  }

  @Test("the report has the fields that others rely on")
  func fields() throws {
    let example = try ForwardCase.named("qwen2-f32+lora-all")
    let report = try ForwardVerification(
      of: example.binding(), merged: nil, threads: WorkerThreads(count: 2)
    ).run()
    let json = report.json
    for key in [
      "tokens", "base", "adapted", "merged", "effect", "residual", "residual_over_effect",
      "ideal_residual", "noise_floor", "kl", "top1_agreement", "top5_agreement",
      "max_logit_difference", "first_divergence",
    ] { #expect(json[key] != nil, "\(key)") }
    #expect(json["tokens"]?["source"]?.stringValue == "seeded")
    #expect(json["tokens"]?["count"]?.intValue == report.tokenCount)
    #expect(json["base"]?["loss"]?.doubleValue != nil)
    #expect(json["kl"]?["p99"]?.doubleValue != nil)

    let encoder = try ForwardCase.named("roberta-classify-f32+classifier")
    let other = try ForwardVerification(of: encoder.binding(), merged: nil).run()
    #expect(other.json["base"]?["loss"]?.isNull == true)
    #expect(other.json["top5_agreement"]?.isNull == true)
  }
}
