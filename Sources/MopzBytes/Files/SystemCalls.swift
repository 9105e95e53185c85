import CFileCalls
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system calls that swift-system lacks, one function each.
///
/// Every function throws the reason alone; callers add operation and path with
/// `SystemError.catching`. Calls that a signal interrupted are tried again.
enum SystemCalls {
  /// How a rename treats what stands at the new path.
  enum RenameMode: Hashable, Sendable { case replacing, keeping, exchanging }

  /// Runs a call that reports failure by a negative number and `errno`.
  @discardableResult
  static func check<Value: SignedInteger>(_ call: () -> Value) throws(Errno) -> Value {
    while true {
      let value = call()
      if value >= 0 { return value }
      let reason = Errno(rawValue: errno)
      if reason != .interrupted { throw reason }
    }
  }

  /// The corresponding C function is `open`.
  static func open(
    _ path: FilePath, _ mode: FileDescriptor.AccessMode,
    options: FileDescriptor.OpenOptions = [], permissions: FilePermissions? = nil
  ) throws(Errno) -> FileDescriptor {
    do {
      return try FileDescriptor.open(
        path, mode, options: options.union(.closeOnExec), permissions: permissions)
    } catch { throw (error as? Errno) ?? .ioError }
  }

  /// The corresponding C function is `close`, which is never tried twice.
  static func close(_ descriptor: FileDescriptor) throws(Errno) {
    do { try descriptor.close() } catch { throw (error as? Errno) ?? .ioError }
  }

  /// The corresponding C functions are `stat` and `lstat`.
  static func status(of path: FilePath, followingLinks: Bool) throws(Errno) -> stat {
    var status = stat()
    // SAFETY: the string is terminated, and `status` outlives the call.
    try check {
      unsafe path.withPlatformString {
        unsafe followingLinks ? stat($0, &status) : lstat($0, &status)
      }
    }
    return status
  }

  /// The corresponding C function is `fstat`.
  static func status(of descriptor: FileDescriptor) throws(Errno) -> stat {
    var status = stat()
    // SAFETY: `status` outlives the call.
    try check { unsafe fstat(descriptor.rawValue, &status) }
    return status
  }

  /// Writes all of the bytes.
  ///
  /// The corresponding C function is `pwrite`.
  static func write(
    _ span: RawSpan, to descriptor: FileDescriptor, at offset: Int
  ) throws(Errno) {
    var done = 0
    while done < span.byteCount {
      // SAFETY: the rest of the buffer is valid during the call.
      done += try check {
        unsafe span.withUnsafeBytes { bytes in
          unsafe bytes.baseAddress.map {
            unsafe pwrite(
              descriptor.rawValue, $0 + done, min(bytes.count - done, 1 << 30),
              off_t(offset + done))
          } ?? 0
        }
      }
    }
  }

  /// Reads until the span is full or the file ends.
  ///
  /// The corresponding C function is `pread`.
  ///
  /// - Returns: The number of bytes read.
  static func read(
    _ descriptor: FileDescriptor, into span: inout MutableRawSpan, at offset: Int
  ) throws(Errno) -> Int {
    var done = 0
    let count = span.byteCount
    while done < count {
      var part = 0
      // SAFETY: the rest of the buffer is valid and writable during the call.
      unsafe span.withUnsafeMutableBytes { bytes in
        guard let start = bytes.baseAddress else { return }
        repeat {
          part = unsafe pread(
            descriptor.rawValue, start + done, min(count - done, 1 << 30), off_t(offset + done))
        } while part < 0 && errno == EINTR
      }
      if part < 0 { throw Errno(rawValue: errno) }
      if part == 0 { break }
      done += part
    }
    return done
  }

  /// Copies within the kernel.
  ///
  /// The corresponding C function is `copy_file_range`.
  ///
  /// - Returns: The number of bytes copied, or nil where the systems cannot do it.
  static func copyRange(
    from source: FileDescriptor, at sourceOffset: Int, to target: FileDescriptor,
    at targetOffset: Int, count: Int
  ) throws(Errno) -> Int? {
    do throws(Errno) {
      return try check {
        mopz_copy_file_range(
          source.rawValue, off_t(sourceOffset), target.rawValue, off_t(targetOffset),
          min(count, 1 << 30))
      }
    } catch {
      let unable: [Errno] = [
        .improperLink, .invalidArgument, .noFunction, .notSupported, .notSupportedOnSocket,
        .notPermitted, .badFileDescriptor, .textFileBusy,
      ]
      if unable.contains(error) { return nil }
      throw error
    }
  }

  /// The corresponding C function is `fsync`, on Darwin `fcntl(F_FULLFSYNC)`.
  static func synchronize(_ descriptor: FileDescriptor) throws(Errno) {
    #if canImport(Darwin)
      if fcntl(descriptor.rawValue, F_FULLFSYNC) == 0 { return }
    #endif
    try check { fsync(descriptor.rawValue) }
  }

  /// The corresponding C function is `ftruncate`.
  static func resize(_ descriptor: FileDescriptor, to count: Int) throws(Errno) {
    try check { ftruncate(descriptor.rawValue, off_t(count)) }
  }

  /// Reserves space without changing the size; does nothing where that is unsupported.
  ///
  /// The corresponding C function is `fallocate`.
  static func reserve(_ descriptor: FileDescriptor, byteCount: Int) throws(Errno) {
    do throws(Errno) {
      try check { mopz_reserve(descriptor.rawValue, off_t(byteCount)) }
    } catch {
      if error == .noSpace || error == .diskQuotaExceeded || error == .fileTooLarge { throw error }
    }
  }

  /// The corresponding C function is `fchmod`.
  static func setPermissions(_ mode: mode_t, of descriptor: FileDescriptor) throws(Errno) {
    try check { fchmod(descriptor.rawValue, mode) }
  }

  /// Takes the exclusive lock of a file without waiting.
  ///
  /// The corresponding C function is
  /// `flock`.
  ///
  /// - Returns: False if another holds it.
  static func lock(_ descriptor: FileDescriptor) throws(Errno) -> Bool {
    do throws(Errno) {
      try check { flock(descriptor.rawValue, LOCK_EX | LOCK_NB) }
      return true
    } catch {
      if error == .wouldBlock { return false }
      throw error
    }
  }

  /// Gives a lock back.
  ///
  /// The corresponding C function is `flock`.
  static func unlock(_ descriptor: FileDescriptor) {
    _ = flock(descriptor.rawValue, LOCK_UN)
  }
}
