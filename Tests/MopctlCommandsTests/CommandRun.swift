import MopzBytes
import MopzTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import MopctlCommands

/// A command line that ran in this process, and what it printed.
struct CommandRun {
  let status: CommandStatus
  let out: String
  let error: String

  init(_ arguments: String...) { self.init(arguments) }

  init(_ arguments: [String]) {
    let out = Transcript()
    let error = Transcript()
    let console = Console(
      out: { out.append($0) }, error: { error.append($0) }, isTerminal: false)
    status = Mopctl.run(arguments: arguments, console: console)
    self.out = out.text
    self.error = error.text
  }

  /// Standard output as the one JSON object that it must be.
  var object: JSONObject {
    get throws { try #require(JSON(parsing: out).objectValue) }
  }

  private final class Transcript: Sendable {
    private let content = Mutex("")
    var text: String { content.withLock { $0 } }
    func append(_ text: String) { content.withLock { $0 += text } }
  }
}

extension String {
  /// The path of a foreign fixture.
  static func foreign(_ path: String) -> String { Fixtures.path("foreign/" + path).string }

  /// The path of an invalid fixture.
  static func invalid(_ path: String) -> String { Fixtures.path("invalid/" + path).string }
}
