import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a command writes: results to one side, progress and diagnostics to the other.
///
/// Tests give closures that collect; the program gives the process's own streams.
struct Console: Sendable {
  /// Takes text for standard output.
  var out: @Sendable (String) -> Void
  /// Takes text for standard error.
  var error: @Sendable (String) -> Void
  /// Whether standard error is a terminal, so that progress may be drawn.
  var isTerminal: Bool

  /// The streams of this process.
  static var process: Console {
    Console(
      out: { text in
        if !writeAll(text, to: STDOUT_FILENO) { lostOutput.store(true, ordering: .relaxed) }
      },
      error: { text in _ = writeAll(text, to: STDERR_FILENO) },
      isTerminal: isatty(STDERR_FILENO) == 1)
  }

  /// Whether something that was printed on standard output did not get there.
  static var hasLostOutput: Bool { lostOutput.load(ordering: .relaxed) }

  private static let lostOutput = Atomic(false)

  /// Writes all of a text, in spite of short writes.
  ///
  /// - Returns: Whether all of it was taken.
  private static func writeAll(_ text: String, to descriptor: Int32) -> Bool {
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        // SAFETY: the range from `written` to the end lies within the array.
        unsafe write(
          descriptor, buffer.baseAddress.map { unsafe $0 + written }, buffer.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }
}
