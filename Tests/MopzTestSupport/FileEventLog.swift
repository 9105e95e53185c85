package import MopzBytes
import Synchronization
import SystemPackage

/// The changes that an operation made to the file system, and a way to let one of them fail.
///
/// ```swift
/// let log = FileEventLog(failingAt: 3)
/// try FileEvent.$observer.withValue(log.observe) { … }
/// ```
package final class FileEventLog: Sendable {
  private let all = Mutex<[FileEvent]>([])
  private let failing: Int?
  private let reason: Errno

  /// Begins an empty log.
  ///
  /// - Parameter index: The event that fails, alone; nil for none.
  package init(failingAt index: Int? = nil) {
    failing = index
    reason = .noSpace
  }

  /// The events so far.
  package var events: [FileEvent] { all.withLock { $0 } }

  /// The names of the events' cases.
  package var kinds: [String] {
    events.map { event in
      switch event {
      case .create: "create"
      case .createDirectory: "createDirectory"
      case .write: "write"
      case .resize: "resize"
      case .synchronize: "synchronize"
      case .synchronizeDirectory: "synchronizeDirectory"
      case .rename(_, to: _, exchanging: let exchanging): exchanging ? "exchange" : "rename"
      case .remove: "remove"
      }
    }
  }

  /// Notes an event, or throws that the disk is full.
  @Sendable package func observe(_ event: FileEvent) throws(SystemError) {
    let index = all.withLock { events in
      events.append(event)
      return events.count - 1
    }
    if index == failing {
      throw SystemError(operation: "write", path: "injected", errno: reason)
    }
  }
}
