import ArgumentParser
import MopzBytes

/// A command that returns what it found out instead of printing it.
///
/// One place prints for all of them, so that text, JSON and status always agree.
protocol ReportingCommand: ParsableCommand {
  /// The schema of the JSON object, such as `mopctl.merge/1`.
  static var schema: String { get }
  /// The flags that every command has.
  var common: CommonOptions { get }
  /// Does the work.
  ///
  /// - Throws: Any typed error of the library; ``ErrorReport`` turns it into a status.
  func report(to console: Console) throws -> Outcome
}

extension ReportingCommand {
  /// Runs the command by itself; the program goes through ``Mopctl/run(arguments:console:)``.
  func run() throws {
    let status = Mopctl.finish(self, console: .process)
    if status != .done { throw ExitCode(status.rawValue) }
  }
}
