import ArgumentParser
import MopzBinding
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

      With --forward, the model runs as well: residual / effect is how far the merge is from \
      the adapter beside the base, measured by what the adapter does; an ideal merge in memory \
      says how far it may be. Without --merged it stands for the merge. A merge fails if its \
      residual is above 1.5 of the ideal one's, if it is further from the ideal merge than half \
      of that, if residual / effect is 1 or more, if less than half of the effect survived, or \
      if the effect is not above the noise floor.

      EXAMPLES
        mopctl verify team.mopz
        mopctl verify team.mopz --against adapters/
        mopctl verify --merged merged/ --base base/ --adapter team.mopz#support
        mopctl verify --forward --base base/ --adapter team.mopz#support --tokens tokens.json
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

  @Flag(help: "Run the model: base, adapter beside it, and adapter merged in.")
  var forward = false

  @Option(
    help: "Token ids for --forward: a JSON array of arrays, or .npy (default: seeded ids).",
    completion: .file(extensions: ["json", "npy"]))
  var tokens: String?

  @Flag(
    name: .customLong("negative-control"),
    help: "With --forward: show that merges that are wrong on purpose are rejected.")
  var negativeControl = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    if file != nil {
      guard merged == nil, base == nil, adapters.isEmpty, !forward else {
        throw ValidationError(
          "give a .mopz file, or --merged or --forward with --base and --adapter, not both")
      }
    } else {
      guard merged != nil || forward, base != nil, !adapters.isEmpty else {
        throw ValidationError(
          "give a .mopz file, or --merged or --forward with --base and --adapter")
      }
      guard against.isEmpty else { throw ValidationError("--against goes with a .mopz file") }
    }
    guard forward || tokens == nil && !negativeControl else {
      throw ValidationError("--tokens and --negative-control go with --forward")
    }
  }

  func report(to console: Console) throws -> Outcome {
    if let file { return try container(at: FilePath(file), console) }
    guard let base else { return Outcome(status: .usage) }
    let bound = try BoundAdapters(base: base, selectors: adapters)
    guard let merged else { return try unfinishedMerge(bound, console) }
    return try merge(at: FilePath(merged), bound, console)
  }

  private func unfinishedMerge(_ bound: BoundAdapters, _ console: Console) throws -> Outcome {
    var outcome = try forwardPass(bound, merged: nil, console)
    outcome.findings = bound.findings + bound.binding.findings + outcome.findings
    return outcome
  }
}
