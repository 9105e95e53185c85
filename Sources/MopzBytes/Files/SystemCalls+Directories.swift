import CFileCalls
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension SystemCalls {
  /// The corresponding C function is `renameat2`, on Darwin `renamex_np`.
  static func renamePath(
    _ old: FilePath, to new: FilePath, mode: RenameMode
  ) throws(Errno) {
    // SAFETY: both strings are terminated and outlive the call.
    try check {
      unsafe old.withPlatformString { old in
        unsafe new.withPlatformString { new in
          switch mode {
          case .replacing: unsafe rename(old, new)
          case .keeping: unsafe mopz_rename_keeping(old, new)
          case .exchanging: unsafe mopz_rename_exchanging(old, new)
          }
        }
      }
    }
  }

  /// Gives a file a second name.
  ///
  /// The corresponding C function is `link`.
  static func addLink(_ old: FilePath, to new: FilePath) throws(Errno) {
    // SAFETY: both strings are terminated and outlive the call.
    try check {
      unsafe old.withPlatformString { old in
        unsafe new.withPlatformString { new in unsafe link(old, new) }
      }
    }
  }

  /// The corresponding C function is `unlink`.
  static func removeFile(_ path: FilePath) throws(Errno) {
    // SAFETY: the string is terminated and outlives the call.
    try check { unsafe path.withPlatformString { unsafe unlink($0) } }
  }

  /// The corresponding C function is `rmdir`.
  static func removeDirectory(_ path: FilePath) throws(Errno) {
    // SAFETY: the string is terminated and outlives the call.
    try check { unsafe path.withPlatformString { unsafe rmdir($0) } }
  }

  /// The corresponding C function is `mkdir`.
  static func createDirectory(_ path: FilePath) throws(Errno) {
    // SAFETY: the string is terminated and outlives the call.
    try check { unsafe path.withPlatformString { unsafe mkdir($0, 0o777) } }
  }

  /// The bytes that an ordinary user may still write.
  ///
  /// The corresponding C function is
  /// `statvfs`.
  static func freeByteCount(at path: FilePath) throws(Errno) -> Int {
    var status = statvfs()
    // SAFETY: the string is terminated, and `status` outlives the call.
    try check { unsafe path.withPlatformString { unsafe statvfs($0, &status) } }
    let (product, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return overflow ? Int.max : Int(clamping: product)
  }

  /// The path without links and dots.
  ///
  /// The corresponding C function is `realpath`.
  static func resolve(_ path: FilePath) throws(Errno) -> FilePath {
    // SAFETY: the result is a terminated string that this function frees.
    let resolved = unsafe path.withPlatformString { unsafe realpath($0, nil) }
    guard let resolved = unsafe resolved else { throw Errno(rawValue: errno) }
    defer { unsafe free(resolved) }
    return unsafe FilePath(platformString: resolved)
  }

  /// The names in a directory except `.` and `..`, in the system's order.
  ///
  /// The corresponding C functions are `opendir` and `readdir`.
  static func names(in path: FilePath) throws(Errno) -> [FilePath.Component] {
    let stream = unsafe path.withPlatformString { unsafe opendir($0) }
    guard let stream = unsafe stream else { throw Errno(rawValue: errno) }
    defer { unsafe _ = closedir(stream) }
    var names: [FilePath.Component] = []
    while true {
      errno = 0
      // SAFETY: the stream is open; the entry stays valid until the next call on it.
      guard let entry = unsafe readdir(stream) else {
        if errno != 0 { throw Errno(rawValue: errno) }
        return names
      }
      // SAFETY: `d_name` is a terminated string within the entry.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CInterop.PlatformChar.self, capacity: 1) {
          unsafe FilePath.Component(platformString: $0)
        }
      }
      if let name, name.kind == .regular { names.append(name) }
    }
  }
}
