import ArgumentParser
import MopzBytes
import MopzContainer
import MopzConversion
import MopzSafetensors
import MopzVerification
import SystemPackage

/// `mopctl verify`: a container, a container against its sources, or a finished merge.
struct VerifyCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Verify a container, a container against its sources, or a finished merge.",
    discussion: """
      A container: every rule of the format and the hash of every block; with --against \
      also that tensors, names, order, metadata and configuration equal the sources'.

      A merge: the finished files are read back, every element of them, and compared with \
      round(W + ΔW) from an independent product in Float64; untouched tensors byte for byte.

      EXAMPLES
        mopctl verify team.mopz
        mopctl verify team.mopz --against adapters/
        mopctl verify --merged merged/ --base base/ --adapter team.mopz#support
      """)
  static let schema = "mopctl.verify/1"

  @Argument(help: "The .mopz file.", completion: .file(extensions: ["mopz"]))
  var file: String?

  @Option(
    parsing: .upToNextOption, help: "The sources that the tasks came from, each [NAME=]PATH.",
    completion: .file())
  var against: [String] = []

  @Option(help: "A finished merge.", completion: .directory)
  var merged: String?

  @Option(help: "The base that the merge was made from.", completion: .directory)
  var base: String?

  @Option(
    name: .customLong("adapter"), help: "An adapter and its multiplier; repeatable.",
    completion: .file())
  var adapters: [String] = []

  @OptionGroup var common: CommonOptions

  func validate() throws {
    if file != nil {
      guard merged == nil, base == nil, adapters.isEmpty else {
        throw ValidationError("give a .mopz file, or --merged with --base and --adapter, not both")
      }
      return
    }
    guard merged != nil, base != nil, !adapters.isEmpty else {
      throw ValidationError("give a .mopz file, or --merged with --base and --adapter")
    }
    guard against.isEmpty else { throw ValidationError("--against goes with a .mopz file") }
  }

  func report(to console: Console) throws -> Outcome {
    if let file { return try container(at: FilePath(file), console) }
    guard let merged, let base else { return Outcome(status: .usage) }
    return try merge(at: FilePath(merged), base: base, console)
  }
}
