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

      With --share a new task takes from the pools that the file has, which stay as they are; \
      other tasks are not touched. exact: rows and columns that equal shards of the file's \
      exact pools, whole or in pieces; nothing is lost. fit: what the pools of the file's \
      fitted tasks give, and private shards for the rest; no new pool is made. Its bound is \
      the strictest that the file's tasks record (else 0.05) unless you set one, and is \
      measured before the change counts.

      EXAMPLES
        mopctl add team.mopz runs/8/checkpoint-500
        mopctl add team.mopz support=runs/9/checkpoint-250 --replace
        mopctl add team.mopz other-team.mopz
        mopctl add checkpoints.mopz runs/8/checkpoint-500 --share exact
        mopctl add related.mopz runs/8/checkpoint-500 --share fit
        mopctl add related.mopz legal=runs/9 --share fit --max-error 0.01 --no-share legal
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

  @Option(
    help: """
      Put new tasks together from the pools that the file has, and private shards. exact: where \
      shards are equal; nothing is lost. fit: within an error, see --max-error.
      """)
  var share: SharingMode?

  @OptionGroup(title: "Fitted sharing") var fit: FitOptionGroup

  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if sources.isEmpty { throw ValidationError("no source is given") }
    try fit.validate(with: share)
    if fit.budget != nil {
      throw ValidationError(
        "--budget goes with convert: the bytes of a new task follow from the pools that the file "
          + "has and from the bound; set --max-error")
    }
  }

  func report(to console: Console) throws -> Outcome {
    let meter = ProgressMeter("adding", console: console, options: common)
    defer { meter.finish() }
    let intake = Conversion.Options(
      base: try base.map { try Checkpoint(opening: FilePath($0)) }, threads: common.workers,
      sharing: fit.sharing(share, meter))
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
      fields: view.fields + [("tasks", JSON(report.tasks.map(\.json)))]
        + view.sharingFields(withModules: common.verbose),
      lines: view.sharingLines + view.lines(what))
  }
}
