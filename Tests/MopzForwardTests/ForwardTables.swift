import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzForward

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file that the tables go to, if the environment names one.
private let tablesPath: FilePath? = {
  // SAFETY: the text is copied before anything else can change the environment.
  let value = unsafe getenv("MOPZ_TABLES").map { unsafe String(cString: $0) }
  return value.map { FilePath($0) }
}()

/// The tables that show what the forward pass is worth, measured and written as Markdown.
///
/// `make tables` names the file in `MOPZ_TABLES`; without it there is nothing to write, and the
/// other suites check the same cases one by one.
@Suite("Tables of the forward pass", .enabled(if: tablesPath != nil))
struct ForwardTables {
  @Test("the tables are written")
  func write() throws {
    let path = try #require(tablesPath)
    let lines =
      try ["### Outputs against transformers and PEFT", ""] + accuracy()
      + ["", "### Faults and verdicts", ""] + faults()
    let file = try FileDescriptor.open(
      path, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
    try file.closeAfter { _ = try file.writeAll((lines.joined(separator: "\n") + "\n").utf8) }
  }

  // MARK: Outputs

  private static let architectures = [
    ("Llama", ["llama", "smollm", "linear", "dynamic", "yarn"]), ("Mistral", ["mistral"]),
    ("Qwen 2", ["qwen2"]), ("Qwen 3", ["qwen3"]), ("Gemma 2", ["gemma2"]), ("GPT-2", ["gpt2"]),
    ("BERT", ["bert"]), ("RoBERTa", ["roberta"]), ("DistilBERT", ["distilbert"]),
  ]

  /// Largest differences over the cases of an architecture, as a share of the largest output.
  private func accuracy() throws -> [String] {
    var lines = [
      "| architecture | models | base | adapters | unmerged | merged |",
      "| --- | ---: | ---: | --- | ---: | ---: |",
    ]
    for (name, prefixes) in Self.architectures {
      let cases = ForwardCase.all.filter { example in
        prefixes.contains { example.name.hasPrefix($0) }
      }
      var (base, unmerged, merged) = (0.0, 0.0, nil as Double?)
      let adapted = cases.filter { $0.adapters.count == 1 }
      let bases = cases.filter { $0.adapters.isEmpty }
      for example in bases {
        for config in example.configs {
          let variant = ModelVariant(try example.base())
          base = max(base, try difference(example, variant, config: config))
        }
      }
      for example in adapted {
        unmerged = max(
          unmerged, try difference(example, ModelVariant(unmerged: try example.binding())))
        guard try example.file().tensor(named: "merged_logits") != nil else { continue }
        let variant = ModelVariant(idealMergeOf: try example.binding())
        merged = max(merged ?? 0, try difference(example, variant, output: "merged_logits"))
      }
      #expect(max(base, unmerged, merged ?? 0) <= ForwardModelTests.tolerance)
      let names = adapted.map { $0.adapters[0].split(separator: "/").last.map(String.init) ?? "" }
      var unique: [String] = []
      for name in names where !unique.contains(name) { unique.append(name) }
      lines.append(
        "| \(name) | \(bases.count) | \(brief(base)) | \(unique.joined(separator: ", ")) "
          + "| \(brief(unmerged)) | \(merged.map(brief) ?? "-") |")
    }
    let mixed = try ForwardCase.named("llama-gqa-f32+mixed")
    let variants = try mixed.adapters.indices.map {
      ModelVariant(unmerged: try mixed.binding($0))
    }
    let rows = try ForwardModel(mixed.description(), variants).outputs(
      for: mixed.tokens(), tasks: Array(variants.indices))
    let error = try mixed.difference(rows, to: "logits")
    #expect(error <= ForwardModelTests.tolerance)
    lines.append("| Llama, 8 tasks in one batch | 1 | | task-0 to task-7 | \(brief(error)) | |")
    return lines
  }

  private func difference(
    _ example: ForwardCase, _ variant: ModelVariant, config: String = "config.json",
    output: String? = nil
  ) throws -> Double {
    let model = ForwardModel(try example.description(config), [variant])
    return try example.difference(
      model.outputs(for: example.tokens()), to: output ?? example.output)
  }

  // MARK: Faults

  /// One row per fault and type: of all cases the one that is hardest to judge.
  private func faults() throws -> [String] {
    var lines = [
      "| fault | type | rejected | residual / effect | ideal | deviation / effect | gain "
        + "| mean KL | top 1 | rules broken |",
      "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for fault in MergeFault.allCases {
      for type in [DType.f32, .f16, .bf16] {
        let cases = FaultCase.all.filter { $0.fault == fault && $0.type == type }
        let reports = try cases.map { example in
          let tokens = try ForwardCase.named(example.example).tokens()
          return (example, try FaultyMerge(example).report(tokens))
        }
        for (example, report) in reports {
          #expect(report.isPassing == (fault == .none), "\(example.testDescription)")
        }
        guard let hardest = reports.max(by: { hardness($0.1) < hardness($1.1) }) else { continue }
        lines.append(row(hardest.0, hardest.1, reports.map(\.1)))
      }
    }
    return lines
  }

  /// The ideal merge's residual beside the merge's own; the other way round for honest ones.
  private func hardness(_ report: ForwardReport) -> Double {
    report.isPassing
      ? report.residual / report.effect : report.idealResidual / report.residual
  }

  private func row(
    _ example: FaultCase, _ report: ForwardReport, _ all: [ForwardReport]
  ) -> String {
    let cells = [
      example.fault.rawValue, example.type.code.lowercased(),
      "\(all.count { !$0.isPassing }) of \(all.count)", brief(report.residualOverEffect ?? 0),
      brief(report.idealResidual / report.effect), brief(report.deviation / report.effect),
      brief(report.gain ?? 0), brief(report.meanDivergence ?? 0),
      brief((report.topOneAgreement ?? 0) * 100) + " %",
      report.verdict.failures.map(\.rule.rawValue).joined(separator: ", "),
    ]
    return "| " + cells.joined(separator: " | ") + " |"
  }
}
