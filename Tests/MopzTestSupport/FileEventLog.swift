package import MopzBytes
import Synchronization
import SystemPackage

/// What goes wrong with a change to the file system.
package enum Fault: String, CaseIterable, Sendable {
  /// The disk is full.
  case noSpace
  /// The device fails.
  case ioError
  /// The first half of a write gets through, then the disk is full.
  case shortWrite
  /// The process is killed: this change and all later ones are not made.
  case kill
}

/// The changes that an operation made to the file system, and a way to let one of them fail.
///
/// ```swift
/// let log = FileEventLog(failingAt: 3)
/// try FileEvent.$observer.withValue(log.observe) { … }
/// ```
package final class FileEventLog: Sendable {
  private let all = Mutex<[FileEvent]>([])
  private let failing: Int?
  private let fault: Fault

  /// Begins an empty log.
  ///
  /// - Parameters:
  ///   - index: The event that fails, alone; nil for none.
  ///   - fault: How it fails.
  package init(failingAt index: Int? = nil, by fault: Fault = .noSpace) {
    failing = index
    self.fault = fault
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

  /// Notes an event, or throws what goes wrong with it.
  @Sendable package func observe(_ event: FileEvent) throws(SystemError) {
    let index = all.withLock { events in
      events.append(event)
      return events.count - 1
    }
    guard let failing, index == failing || fault == .kill && index > failing else { return }
    if fault == .shortWrite { try Self.beginWrite(event) }
    throw SystemError(
      operation: "write", path: "injected", errno: fault == .ioError ? .ioError : .noSpace)
  }

  /// Makes the first half of a write.
  private static func beginWrite(_ event: FileEvent) throws(SystemError) {
    guard case .write(let path, let offset, let bytes) = event else { return }
    // Not to be observed: the observer is at work.
    let result = FileEvent.$observer.withValue(nil) {
      Result { () throws(SystemError) in
        var file = try OutputFile(updating: path)
        try file.write(bytes.span.rawBytes.extracting(0..<(bytes.count / 2)), at: offset)
        try file.close()
      }
    }
    try result.get()
  }
}
