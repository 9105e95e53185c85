package import SystemPackage

/// One change that this module is about to make to a file system.
///
/// Tests watch these to prove what a crash between any two of them leaves behind, and
/// to inject errors.
package enum FileEvent: Sendable {
  case create(FilePath)
  case createDirectory(FilePath)
  case write(FilePath, offset: Int, bytes: [UInt8])
  case resize(FilePath, byteCount: Int)
  case synchronize(FilePath)
  case synchronizeDirectory(FilePath)
  case rename(FilePath, to: FilePath, exchanging: Bool)
  case remove(FilePath)

  /// Sees every change of the current task and its children before it is made; what it
  /// throws, the operation throws instead of making the change.
  ///
  /// Not for products: with an observer, everything written is copied once more.
  @TaskLocal
  package static var observer: (@Sendable (FileEvent) throws(SystemError) -> Void)?

  /// Reports a change if anybody looks.
  static func report(_ event: @autoclosure () -> FileEvent) throws(SystemError) {
    if let observer { try observer(event()) }
  }
}
