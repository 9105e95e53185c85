import ArgumentParser
import MopzConversion

/// The flags of commands that change a container.
struct ChangeOptions: ParsableArguments {
  @Flag(
    help: """
      Go on from the newest generation that can be read although a commit slot is damaged; \
      what a later generation held is lost.
      """)
  var force = false

  @Flag(
    name: .customLong("dry-run"),
    help: "Check everything and say what would be done; write nothing.")
  var dryRun = false

  /// What the library is told.
  func options(_ common: CommonOptions, compress: Bool = false) -> ContainerChange.Options {
    ContainerChange.Options(
      isDryRun: dryRun, acceptsDamagedSlot: force, compresses: compress, threads: common.workers)
  }
}
