import ArgumentParser
import MopzAdapters
import MopzBytes
import MopzConversion
import MopzForward
import MopzSafetensors
import MopzSharing
import SystemPackage

/// `mopctl ablate`: what sharing costs in accuracy, our way and others, side by side.
struct AblateCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "ablate",
    abstract: "Compare fitted sharing with its means switched off and with published ways.",
    discussion: """
      Fits the adapters, then gives every other way the same bytes and the same stored type: \
      our fit without each of its four means, truncated SVD, joint diagonalisation with full \
      and diagonal cores, clusters, one pool for everything. Errors are relative, \
      ‖fitted ΔW − ΔW‖ / ‖ΔW‖ over all modules of a task. With --base the model runs with \
      every task beside it, and perplexities are compared with those of the sources. Nothing \
      is written.

      EXAMPLES
        mopctl ablate related/ --max-error 0.1
        mopctl ablate related/ --budget 300K --type bf16
        mopctl ablate related/ --max-error 0.1 --base base/ --tokens tokens/related
      """)
  static let schema = "mopctl.ablate/1"

  @Argument(help: "The sources, each [NAME=]PATH.", completion: .file())
  var sources: [String]

  @Option(
    name: .customLong("max-error"),
    help: "The bound at which our fit says how many bytes all ways get (default: 0.05).")
  var maxError: Double?

  @Option(
    help: "The bytes that all ways get for what they fit, such as 300K, instead of a bound.")
  var budget: ByteSize?

  @Option(help: "The type of what is stored.")
  var type: StoredTypeName = .f32

  @Option(help: "The base: perplexities are compared, too.", completion: .directory)
  var base: String?

  @Option(
    help: """
      Token ids for --base: a file for all tasks, or a directory with TASK.json or TASK.npy for \
      each (default: seeded ids).
      """)
  var tokens: String?

  @Flag(
    name: .customLong("skip-means"),
    help: "Leave out our fit with each of its means switched off.")
  var skipsMeans = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    if sources.isEmpty { throw ValidationError("no source is given") }
    if budget != nil && maxError != nil {
      throw ValidationError("--budget and --max-error exclude each other")
    }
    if let maxError, !(maxError > 0 && maxError < 1) {
      throw ValidationError("--max-error takes a number between 0 and 1, not \(maxError)")
    }
    if tokens != nil && base == nil { throw ValidationError("--tokens goes with --base") }
  }

  func report(to console: Console) throws -> Outcome {
    let meter = ProgressMeter("fitting", console: console, options: common)
    defer { meter.finish() }
    let intake = try AdapterIntake(
      of: try sources.map { try SourceArgument($0) },
      Conversion.Options(threads: common.workers, checksValues: false))
    let losses = try base.map {
      try TaskLosses(
        base: try Checkpoint(opening: FilePath($0)), tokens: tokens.map { FilePath($0) },
        threads: common.workers)
    }
    var run = AblationRun(
      adapters: intake.adapters.map(\.adapter), type: type.value, losses: losses,
      skipsMeans: skipsMeans, threads: common.workers)
    let goal: FitGoal = if let budget { .budget(budget.count) } else { .maxError(maxError ?? 0.05) }
    try run.run(goal: goal) {
      meter.draw(stage: $0.name, done: $1, total: $2)
    }
    let view = AblationView(run)
    return Outcome(findings: intake.findings + run.findings, fields: view.fields, lines: view.lines)
  }
}
