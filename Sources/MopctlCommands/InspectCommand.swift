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
      file, an archive of these, or a model's checkpoint. With --bytes every byte of a .mopz \
      or safetensors file is listed with its field; of contents longer than 256 bytes the \
      first 64 are shown. A damaged file is listed as far as it can be followed.

      EXAMPLES
        mopctl inspect team.mopz
        mopctl inspect team.mopz --task support
        mopctl inspect team.mopz --modules
        mopctl inspect adapter/ --json
        mopctl inspect team.mopz --bytes
      """)
  static let schema = "mopctl.inspect/1"

  @Argument(help: "The file or directory.", completion: .file())
  var path: String

  @Option(help: "Show one task alone, in detail.")
  var task: String?

  @Flag(help: "List every byte of the file: offset, value, field.")
  var bytes = false

  @Flag(help: "Show what each module takes, of its own and together with others.")
  var modules = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    if bytes && task != nil { throw ValidationError("--bytes lists the whole file, not a task") }
  }

  func report(to console: Console) throws -> Outcome {
    if bytes {
      let listing = try ByteListing(of: FilePath(path), threads: common.workers)
      return try listing.outcome(common, to: console)
    }
    let isDetailed = task != nil || common.verbose
    let inspection = try Inspection(
      of: FilePath(path), task: task, withAnatomy: isDetailed, withModules: modules)
    let view = InspectionView(inspection, isDetailed: isDetailed)
    let isWhole = !inspection.findings.contains { $0.severity == .error }
    return Outcome(
      status: isWhole ? .done : .judgedWrong, findings: inspection.findings, fields: view.fields,
      lines: view.lines)
  }
}
