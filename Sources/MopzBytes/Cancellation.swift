import CFileCalls
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The user has asked the program to stop.
public struct Interrupted: Error, Hashable, Sendable, CustomStringConvertible {
  /// Makes the error.
  public init() {}

  /// `interrupted`.
  public var description: String { "interrupted" }
}

/// The request to stop, which long loops look at.
///
/// A signal only sets a flag; the work itself then throws ``Interrupted`` at its next
/// ``check()``, and outputs that are not committed are removed on the way out.
public enum Cancellation {
  private static let flag = Flag()

  /// A flag of its own for a task and its children, in place of the process's.
  @TaskLocal private static var isolatedFlag: Flag?

  private static var current: Flag { isolatedFlag ?? flag }

  /// Whether somebody has asked to stop.
  public static var isRequested: Bool { current.isSet }

  /// Asks everything to stop.
  ///
  /// May be called by a signal handler after
  /// ``installSignalHandlers()``.
  public static func request() { current.set() }

  /// Throws if somebody has asked to stop.
  ///
  /// - Complexity: O(1), a few nanoseconds: meant for every tile, tensor or task.
  public static func check() throws(Interrupted) {
    if isRequested { throw Interrupted() }
  }

  /// Lets SIGINT, SIGTERM and SIGHUP ask everything to stop; a second signal ends the process
  /// at once.
  ///
  /// A signal that is ignored when the program starts stays ignored, as `nohup` wants it.
  /// The corresponding C function is `signal`.
  public static func installSignalHandlers() {
    _ = flag.isSet  // The handler must not be the first to touch a global.
    for number in [SIGINT, SIGTERM, SIGHUP] where mopz_is_ignored(number) == 0 {
      _ = signal(number, Self.handler)
    }
  }

  /// Runs `body` with a flag of its own, so that tests can interrupt it and nothing else.
  package static func withIsolatedFlag<Result>(
    _ body: () throws -> Result
  ) rethrows -> Result {
    try $isolatedFlag.withValue(Flag()) { try body() }
  }

  // An atomic flag, `signal` and `raise` are all that is touched here, each of which is
  // safe in a handler.
  private static let handler: @convention(c) (Int32) -> Void = { number in
    if flag.isSet {
      _ = signal(number, SIG_DFL)
      _ = raise(number)
    }
    flag.set()
  }

  private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
  }
}
