import Synchronization

/// Progress on a terminal: bytes, rate, time left, on one line of standard error.
///
/// Draws at most ten times a second, from whichever thread reports; draws
/// nothing unless standard error is a terminal.
final class ProgressMeter: Sendable {
  private struct State {
    var lastDrawn: ContinuousClock.Instant
    var hasDrawn = false
  }

  private let console: Console
  private let label: String
  private let isShown: Bool
  private let start: ContinuousClock.Instant
  private let state: Mutex<State>

  init(_ label: String, console: Console, options: CommonOptions) {
    self.console = console
    self.label = label
    isShown = console.isTerminal && !options.noProgress && !options.quiet
    start = .now
    state = Mutex(State(lastDrawn: .now))
  }

  /// Wipes the line, so that what follows starts in the first column.
  func finish() {
    state.withLock { state in
      if state.hasDrawn { console.error("\r\u{1B}[K") }
      state.hasDrawn = false
    }
  }

  /// Draws how far a stage of the work is that is no matter of bytes, if it is time to.
  func draw(stage: String, done: Int, total: Int) {
    drawLine(isLast: false) { _ in "\(stage): \(done) of \(total)" }
  }

  /// Draws how far the work is, if it is time to.
  func draw(done: Int, total: Int) {
    drawLine(isLast: done >= total) { now in
      let elapsed = start.duration(to: now) / .seconds(1)
      let rate = elapsed > 0 ? Double(done) / elapsed : 0
      let left = rate > 0 ? Int(Double(max(total - done, 0)) / rate) : 0
      let share = total > 0 ? Readable.percent(Double(done) / Double(total)) : ""
      let clock = "\(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60)"
      return "\(label) \(Readable.bytes(done)) of \(Readable.bytes(total)) \(share), "
        + "\(Readable.bytes(Int(rate)))/s, \(clock) left"
    }
  }

  private func drawLine(isLast: Bool, _ text: (ContinuousClock.Instant) -> String) {
    guard isShown else { return }
    let now = ContinuousClock.now
    state.withLock { state in
      guard state.lastDrawn.duration(to: now) > .milliseconds(100) || isLast else { return }
      state.lastDrawn = now
      state.hasDrawn = true
      console.error("\r\u{1B}[K" + text(now))
    }
  }
}
