import ArgumentParser
import MopzBytes
import MopzConversion
import SystemPackage

/// `mopctl remove`: tasks out of a file.
struct RemoveCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Drop tasks from a .mopz file; their bytes stay until it is compacted.",
    discussion: """
      The file is the old one or the new one, whole, wherever the command is cut off; programs \
      that have it open keep what they opened.

      EXAMPLES
        mopctl remove team.mopz support
        mopctl remove team.mopz support legal --dry-run
      """)
  static let schema = "mopctl.remove/1"

  @Argument(help: "The .mopz file.", completion: .file(extensions: ["mopz"]))
  var file: String

  @Argument(help: "The names of the tasks.")
  var tasks: [String]

  @OptionGroup var change: ChangeOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if tasks.isEmpty { throw ValidationError("no task is given") }
  }

  func report(to console: Console) throws -> Outcome {
    let report = try ContainerChange(of: FilePath(file), options: change.options(common))
      .remove(tasks)
    let view = CommitView(report: report, isDryRun: change.dryRun)
    return Outcome(
      findings: report.findings, fields: view.fields,
      lines: view.lines(CommitView.phrase("removed", report.removed)))
  }
}
