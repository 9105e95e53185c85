import ArgumentParser
import MopzBytes
import MopzConversion
import SystemPackage

/// `mopctl compact`: a file without dead bytes, in canonical order.
struct CompactCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "compact",
    abstract: "Write a .mopz file afresh: without dead bytes, in canonical order.",
    discussion: """
      The result has the bytes of a conversion of the same tasks, and takes the place of the \
      file at once. Programs that have the old file open keep it, and its space is free when \
      the last of them has closed it. Until then, and while compacting, both take space.

      EXAMPLES
        mopctl compact team.mopz
        mopctl compact team.mopz --dry-run
      """)
  static let schema = "mopctl.compact/1"

  @Argument(help: "The .mopz file.", completion: .file(extensions: ["mopz"]))
  var file: String

  @Flag(help: "Compress tensors without loss; they are then decoded at each use.")
  var compress = false

  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  func report(to console: Console) throws -> Outcome {
    let meter = ProgressMeter("compacting", console: console, options: common)
    defer { meter.finish() }
    let options = change.options(common, compress: compress)
    let report = try ContainerChange(of: FilePath(file), options: options)
      .compact { meter.draw(done: $0, total: $1) }
    let view = CommitView(report: report, isDryRun: change.dryRun)
    let freed = report.previousByteCount - report.fileByteCount
    return Outcome(
      findings: report.findings, fields: view.fields + [("bytes_freed", JSON(freed))],
      lines: view.lines(["\(Readable.bytes(max(freed, 0))) freed"]))
  }
}
