import ArgumentParser
import MopzBytes

/// The flags that every command has.
struct CommonOptions: ParsableArguments {
  @Flag(help: "Print exactly one JSON object on standard output, whatever the status.")
  var json = false

  @Option(
    name: [.customShort("j", allowingJoined: true), .long],
    help: "The number of threads (default: as many as there are processors).")
  var threads: Int?

  @Flag(name: [.customShort("q"), .long], help: "Print nothing on success.")
  var quiet = false

  @Flag(name: [.customShort("v"), .long], help: "Print notes as well.")
  var verbose = false

  @Flag(name: .customLong("no-progress"), help: "Draw no progress, even on a terminal.")
  var noProgress = false

  /// The threads that were asked for.
  var workers: WorkerThreads { threads.map { WorkerThreads(count: $0) } ?? .all }

  func validate() throws {
    if let threads, threads < 1 || threads > 1024 {
      throw ValidationError("--threads takes a number from 1 to 1024, not \(threads)")
    }
    if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
  }
}

/// The flags of commands that write.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Replace an output that exists.")
  var force = false

  @Flag(
    name: .customLong("dry-run"),
    help: "Check everything and say what would be done; write nothing.")
  var dryRun = false
}
