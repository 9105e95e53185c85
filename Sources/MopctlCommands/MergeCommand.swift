import ArgumentParser
import MopzBinding
import MopzBytes
import MopzMerging
import MopzTensors
import SystemPackage

/// `mopctl merge`: adapters into a copy of their base.
struct MergeCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merge adapters into a copy of their base: streamed, rounded once, measured.",
    discussion: """
      Everything is checked from headers before any work: every tensor of the adapter must \
      reach exactly one parameter of the base. The result is measured as it is written; a \
      merge that rounding would erase is refused, unless --allow-lossy is given. The report \
      is written beside the weights as merge_report.json.

      An adapter is FILE.mopz#TASK[@SCALE], or a directory or file PATH[@SCALE]; several \
      are summed exactly.

      EXAMPLES
        mopctl merge --base base/ --adapter team.mopz#support -o merged/
        mopctl merge --base base/ --adapter a/@0.7 --adapter b/@0.3 -o merged/
        mopctl merge --base base/ --adapter a/ -o merged/ --dtype f16
        mopctl merge --base base/ --adapter a/ -o merged/ --dry-run
      """)
  static let schema = "mopctl.merge/1"

  @Option(
    help: "The base: a directory with safetensors weights, or one such file.",
    completion: .directory)
  var base: String

  @Option(
    name: .customLong("adapter"), help: "An adapter and its multiplier; repeatable.",
    completion: .file())
  var adapters: [String] = []

  @Option(
    name: [.customShort("o"), .customLong("out")], help: "The directory to create.",
    completion: .directory)
  var output: String

  @Option(help: "The element type of the output's f32, f16 and bf16 tensors.")
  var dtype: OutputType = .keep

  @Flag(name: .customLong("allow-lossy"), help: "Write the result even if much of it is lost.")
  var allowLossy = false

  @OptionGroup var outputs: OutputOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if adapters.isEmpty { throw ValidationError("no adapter is given; use --adapter") }
  }

  func report(to console: Console) throws -> Outcome {
    let bound = try BoundAdapters(base: base, selectors: adapters)
    let options = MergeOptions(
      dtype: dtype.elementType, allowsLoss: allowLossy, force: outputs.force,
      threads: common.workers)
    let plan = try MergePlan(
      of: bound.binding, to: FilePath(output), options: options, protecting: bound.paths)
    if outputs.dryRun { return dryRun(of: plan, bound) }
    let meter = ProgressMeter("merging", console: console, options: common)
    let report = try plan.run { progress in
      meter.draw(done: progress.doneByteCount, total: progress.totalByteCount)
    }
    meter.finish()
    return outcome(of: report, bound)
  }

  private func outcome(of report: MergeReport, _ bound: BoundAdapters) -> Outcome {
    let isRefused = report.verdict == .refused
    let view = MergeView(report)
    var fields: [(key: String, value: JSON)] = [
      ("output", isRefused ? .null : JSON(output)), ("dry_run", JSON(false)),
    ]
    for member in report.json where member.key != "findings" && member.key != "verdict" {
      fields.append((member.key, member.value))
    }
    let head =
      isRefused
      ? "nothing written"
      : "wrote \(output): \(report.touchedText), \(Readable.bytes(report.byteCount))"
    return Outcome(
      status: isRefused ? .judgedWrong : .done, verdict: report.verdict.rawValue,
      findings: bound.findings + report.findings, fields: fields,
      lines: (common.verbose ? view.table : []) + view.summary + [head])
  }

  /// The element types that would change, each with the number of its tensors.
  private static func types(of plan: MergePlan) -> JSON {
    JSON(
      plan.typeChanges.map { change in
        ["from": JSON(change.from), "to": JSON(change.to), "tensors": JSON(change.count)]
      })
  }

  private func dryRun(of plan: MergePlan, _ bound: BoundAdapters) -> Outcome {
    let touched = plan.binding.targets.map(\.name)
    let line =
      "would write \(output): \(touched.count) touched, \(plan.copiedCount) copied, "
      + "\(plan.addedNames.count) added, \(Readable.bytes(plan.byteCount)) "
      + "(\(Readable.bytes(plan.freeByteCount)) free)"
    return Outcome(
      verdict: "planned", findings: bound.findings + plan.findings,
      fields: [
        ("output", JSON(output)), ("dry_run", JSON(true)), ("survival", .null),
        ("relative_error", .null), ("touched", JSON(touched.count)),
        ("copied", JSON(plan.copiedCount)), ("added", JSON(plan.addedNames.count)),
        ("added_names", JSON(plan.addedNames.map { JSON($0) })),
        ("touched_names", JSON(touched.map { JSON($0) })), ("bytes", JSON(plan.byteCount)),
        ("free_bytes", JSON(plan.freeByteCount)),
        ("memory_bytes", JSON(plan.predictedMemoryByteCount)), ("dtypes", Self.types(of: plan)),
        ("adapters", bound.json),
      ], lines: [line])
  }
}

extension OutputType {
  /// The element type, or nil to keep those of the base.
  fileprivate var elementType: DType? {
    switch self {
    case .keep: nil
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    }
  }
}
