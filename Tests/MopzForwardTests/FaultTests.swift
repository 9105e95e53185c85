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

  /// Writes other values over a tensor of a merge, worked out from its own and the base's.
  private func edit(
    _ merged: Checkpoint, _ name: String, base: Checkpoint, _ change: ([Float], [Float]) -> [Float]
  ) throws -> Checkpoint {
    let place = try #require(merged.location(of: name))
    let tensor = merged.tensor(at: place)
    let original = try #require(base.tensor(named: name))
    let values = change(tensor.view.float32Elements() ?? [], original.view.float32Elements() ?? [])
    try #require(tensor.dtype == .f32 && values.count == tensor.shape.elementCount)
    let shard = merged.shards[place.shard]
    let file = try FileDescriptor.open(merged.path.appending(shard.fileName), .writeOnly)
    let bytes = values.flatMap { value in (0..<4).map { UInt8(value.bitPattern >> ($0 * 8) & 0xFF) }
    }
    try file.closeAfter {
      _ = try file.writeAll(
        toAbsoluteOffset: Int64(shard.file.fileRange(at: place.tensor).lowerBound), bytes)
    }
    return try Checkpoint(opening: merged.path)
  }

  @Test("an update that was added transposed to a square Conv1D is rejected")
  func transposed() throws {
    let example = try ForwardCase.named("gpt2-f32+lora-all")
    let (folder, base) = (try TemporaryFolder(), try example.base())
    let merged = try merge(example.adapter(0), into: base, at: folder("merged"))
    let size = 24
    let faulty = try edit(merged, "transformer.h.1.attn.c_proj.weight", base: base) { m, w in
      (0..<size * size).map { i in
        let mirror = i % size * size + i / size
        return w[i] + m[mirror] - w[mirror]
      }
    }
    let report = try report(example, faulty)
    #expect(!report.isPassing)
    #expect(report.firstDivergence?.layer == 1)
  }

  @Test("queries and keys whose rows are in another order are rejected")
  func permuted() throws {
    let example = try ForwardCase.named("llama-gqa-f32+lora-all")
    let (folder, base) = (try TemporaryFolder(), try example.base())
    var merged = try merge(example.adapter(0), into: base, at: folder("merged"))
    let (size, width) = (6, 24)
    for name in ["q_proj", "k_proj"] {
      // Neighbours in place of halves, as another convention of the rotation has it.
      let tensor = "model.layers.0.self_attn.\(name).weight"
      merged = try edit(merged, tensor, base: base) { m, _ in
        m.indices.map { i in
          let (row, column) = i.quotientAndRemainder(dividingBy: width)
          let (head, inside) = row.quotientAndRemainder(dividingBy: size)
          let source = head * size + inside / 2 + inside % 2 * (size / 2)
          return m[source * width + column]
        }
      }
    }
    let report = try report(example, merged)
    #expect(!report.isPassing)
    #expect(report.firstDivergence?.layer == 0)
  }

  @Test("an update that rounding erased is rejected")
  func erased() throws {
    let example = try ForwardCase.named("llama-gqa-bf16+lora-all")
    let adapter = try example.adapter(0)
    let binding = try Binding([AppliedAdapter(adapter, scale: 1e-5)], to: example.base())
    let report = try ForwardVerification(
      of: binding, merged: nil, tokens: example.tokens(), threads: WorkerThreads(count: 2)
    ).run()
    #expect(!report.isPassing)
    #expect(report.effect > 2 * report.noiseFloor)
    #expect((report.gain ?? 1) < 0.5)
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
