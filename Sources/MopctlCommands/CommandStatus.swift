/// What a run of `mopctl` tells its caller.
enum CommandStatus: Int32, Sendable {
  /// The work was done.
  case done = 0
  /// The input was looked at and judged wrong: damage, a difference, a lossy merge.
  case judgedWrong = 1
  /// This input cannot be used: missing, unreadable, corrupt, unsupported, or in the way.
  case unusable = 2
  /// The command line was not understood.
  case usage = 64
  /// Reading or writing failed; trying again, perhaps with more space, may help.
  case ioFailure = 74
  /// The run was interrupted; nothing is left behind.
  case interrupted = 130

  /// The word that `--json` gives as `verdict` where a command has none of its own.
  var verdict: String {
    switch self {
    case .done: "ok"
    case .judgedWrong: "failed"
    case .unusable: "unusable"
    case .usage: "usage"
    case .ioFailure: "io-failure"
    case .interrupted: "interrupted"
    }
  }
}
