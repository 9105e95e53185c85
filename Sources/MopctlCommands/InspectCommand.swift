import ArgumentParser
import MopzBytes
import MopzConversion
import SystemPackage

/// `mopctl inspect`: what a file or directory holds, and what makes it big.
struct InspectCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what a file holds and what makes it big, from headers alone.",
    discussion: """
      Reads a .mopz file, a PEFT directory or a directory of such directories, a safetensors \
      file, an archive of these, or a model's checkpoint.

      EXAMPLES
        mopctl inspect team.mopz
        mopctl inspect team.mopz --task support
        mopctl inspect adapter/ --json
      """)
  static let schema = "mopctl.inspect/1"

  @Argument(help: "The file or directory.", completion: .file())
  var path: String

  @Option(help: "Show one task alone, in detail.")
  var task: String?

  @OptionGroup var common: CommonOptions

  func report(to console: Console) throws -> Outcome {
    let inspection = try Inspection(of: FilePath(path), task: task, withAnatomy: true)
    let view = InspectionView(inspection, isDetailed: task != nil || common.verbose)
    return Outcome(findings: inspection.findings, fields: view.fields, lines: view.lines)
  }
}
