import Synchronization
public import SystemPackage

/// A regular file that is open for reading.
///
/// For what is copied rather than looked at; to look at bytes, map them with ``Bytes``.
/// The file is closed when the last copy of the value is gone.
public struct InputFile: Sendable {
  let handle: FileHandle

  /// The path that it was opened with.
  public var path: FilePath { handle.path }

  /// The size in bytes when it was opened.
  public let byteCount: Int

  /// Opens a file.
  ///
  /// - Throws: `SystemError` if it cannot be opened or is no regular file. The
  ///   corresponding C function is `open`.
  public init(opening path: FilePath) throws(SystemError) {
    // Without blocking: a pipe is to be refused, not waited for.
    let handle = try FileHandle(opening: path, .readOnly, options: [.nonBlocking])
    let status = try handle.status()
    guard status.kind == .regular else {
      throw SystemError(
        operation: "open", path: path,
        errno: status.kind == .directory ? .isDirectory : .invalidArgument)
    }
    self.handle = handle
    byteCount = status.byteCount
  }

  /// Reads from `offset` until the span is full or the file ends.
  ///
  /// - Returns: The number of bytes read.
  /// - Throws: `SystemError`. The corresponding C function is `pread`.
  public func read(into span: inout MutableRawSpan, at offset: Int) throws(SystemError) -> Int {
    do throws(Errno) {
      return try SystemCalls.read(handle.descriptor, into: &span, at: offset)
    } catch { throw SystemError(operation: "read", path: path, errno: error) }
  }
}

/// An open descriptor with the path that it was opened with.
///
/// It is closed when the last reference is gone. The descriptor is used for positioned
/// reads and writes alone, which any number of threads may do at a time.
final class FileHandle: Sendable {
  let path: FilePath
  let descriptor: FileDescriptor
  private let isOpen = Atomic(true)
  private let isLocked = Atomic(false)

  init(
    opening path: FilePath, _ mode: FileDescriptor.AccessMode,
    options: FileDescriptor.OpenOptions
  ) throws(SystemError) {
    self.path = path
    let isNew = options.contains(.create)
    descriptor = try SystemError.catching(isNew ? "create" : "open", path) {
      () throws(Errno) in
      try SystemCalls.open(
        path, mode, options: options,
        permissions: isNew
          ? [.ownerReadWrite, .groupReadWrite, .otherReadWrite] : nil)
    }
  }

  deinit {
    guard isOpen.load(ordering: .relaxed) else { return }
    unlock()
    try? SystemCalls.close(descriptor)
  }

  /// Takes the file's lock if nobody has it.
  func tryLock() throws(Errno) -> Bool {
    guard try SystemCalls.lock(descriptor) else { return false }
    isLocked.store(true, ordering: .relaxed)
    return true
  }

  /// Gives the lock back: a mapping of the file would keep it after the descriptor is closed.
  private func unlock() {
    if isLocked.load(ordering: .relaxed) { SystemCalls.unlock(descriptor) }
  }

  /// Closes the descriptor now.
  ///
  /// - Precondition: Nobody else has a reference.
  func close() throws(SystemError) {
    guard isOpen.exchange(false, ordering: .relaxed) else { return }
    unlock()
    try SystemError.catching("close", path) { () throws(Errno) in
      try SystemCalls.close(descriptor)
    }
  }

  func status() throws(SystemError) -> FileStatus {
    FileStatus(
      try SystemError.catching("examine", path) { () throws(Errno) in
        try SystemCalls.status(of: descriptor)
      })
  }
}
