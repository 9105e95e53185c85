import ArgumentParser
import MopzBytes
import MopzConversion
import MopzSafetensors
import SystemPackage

/// `mopctl add`: more tasks into a file that exists.
struct AddCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Append tasks to a .mopz file; tensors that it has already are not written again.",
    discussion: """
      Sources are those of convert: [NAME=]PATH. The file is the old one or the new one, \
      whole, wherever the command is cut off; programs that have it open keep what they \
      opened. One process may write to a file at a time.

      EXAMPLES
        mopctl add team.mopz runs/8/checkpoint-500
        mopctl add team.mopz support=runs/9/checkpoint-250 --replace
        mopctl add team.mopz other-team.mopz
      """)
  static let schema = "mopctl.add/1"

  @Argument(help: "The .mopz file.", completion: .file(extensions: ["mopz"]))
  var file: String

  @Argument(help: "The sources, each [NAME=]PATH.", completion: .file())
  var sources: [String]

  @Flag(help: "Let an adapter take the place of a task that has its name.")
  var replace = false

  @Option(
    help: "The base of the new adapters; its header is recorded with each.",
    completion: .directory)
  var base: String?

  @Flag(help: "Compress new tensors without loss; they are then decoded at each use.")
  var compress = false

  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if sources.isEmpty { throw ValidationError("no source is given") }
  }

  func report(to console: Console) throws -> Outcome {
    let intake = Conversion.Options(
      base: try base.map { try Checkpoint(opening: FilePath($0)) }, threads: common.workers)
    let meter = ProgressMeter("adding", console: console, options: common)
    defer { meter.finish() }
    let options = change.options(common, compress: compress)
    let report = try ContainerChange(of: FilePath(file), options: options).add(
      try sources.map { try SourceArgument($0) }, intake, replaces: replace
    ) { meter.draw(done: $0, total: $1) }
    let view = CommitView(report: report, isDryRun: change.dryRun)
    let what =
      CommitView.phrase("added", report.added) + CommitView.phrase("replaced", report.replaced)
      + ["\(Readable.bytes(report.appendedByteCount)) appended"]
    return Outcome(
      findings: report.findings,
      fields: view.fields + [("tasks", JSON(report.tasks.map(\.json)))], lines: view.lines(what))
  }
}
