import Synchronization
public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The temporary files and directories of outputs that are not committed.
///
/// Each removes its own when it goes away. A program that ends without unwinding calls
/// ``removeAll()`` before.
public enum TemporaryOutputs {
  /// From a temporary path to the target that it is renamed to.
  private static let paths = Mutex<[FilePath: FilePath]>([:])

  /// Removes every temporary file and directory of this process.
  ///
  /// Not for signal handlers; let a handler request an interruption with ``Cancellation``.
  public static func removeAll() {
    let all = paths.withLock { paths in
      defer { paths = [:] }
      return paths.keys
    }
    for path in all { try? path.removeTree() }
  }

  /// What a path that lies in, or is, a temporary output will be called; other paths as they are.
  static func finalPath(of path: FilePath) -> FilePath {
    let known = paths.withLock { $0 }
    for (temporary, target) in known {
      var rest = path
      if rest.removePrefix(temporary) { return target.pushing(rest) }
    }
    return path
  }

  /// What stands at a target that is to be created.
  ///
  /// - Throws: `SystemError` if something does and `force` is false, and always for a device,
  ///   a pipe or a socket.
  static func existing(at target: FilePath, force: Bool) throws(SystemError) -> FileStatus? {
    guard target.lastComponent?.kind == .regular else {
      throw SystemError(operation: "create", path: target, errno: .invalidArgument)
    }
    let status = try target.status(followingLinks: false)
    if status != nil, !force {
      throw SystemError(operation: "create", path: target, errno: .fileExists)
    }
    if status?.kind == .special {
      throw SystemError(
        operation: "replace", path: target, errno: .notPermitted,
        detail: "it is a device, a pipe or a socket, which is never replaced")
    }
    return status
  }

  /// A path beside the target that nothing uses, noted for removal.
  static func register(siblingOf target: FilePath) -> FilePath {
    // Names are limited to 255 bytes, of which the rest takes less than 55.
    var name = target.lastComponent?.string ?? ""
    while name.utf8.count > 200 { name.removeLast() }
    let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let path = target.removingLastComponent()
      .appending(".\(name).mopz-tmp-\(getpid())-\(random)")
    paths.withLock { $0[path] = target }
    return path
  }

  /// Removes what stands at a temporary path.
  ///
  /// It is best effort, and tried twice: there is nobody to tell.
  static func remove(_ path: FilePath) {
    do throws(SystemError) { try path.removeTree() } catch { try? path.removeTree() }
    forget(path)
  }

  /// Takes a path that was renamed off the list.
  static func forget(_ path: FilePath) {
    paths.withLock { _ = $0.removeValue(forKey: path) }
  }

  /// Gives a finished output its name.
  static func rename(_ path: FilePath, to target: FilePath, force: Bool) throws(SystemError) {
    try FileEvent.report(.rename(path, to: target, exchanging: false))
    try SystemError.catching("create", target) { () throws(Errno) in
      if force { return try SystemCalls.renamePath(path, to: target, mode: .replacing) }
      do throws(Errno) { try SystemCalls.renamePath(path, to: target, mode: .keeping) } catch {
        guard error == .invalidArgument || error == .noFunction || error == .notSupported else {
          throw error
        }
        try renameWithoutReplacing(path, to: target)
      }
    }
  }

  /// Exchanges a finished directory with what stands at the target.
  ///
  /// - Returns: Whether there was something that has the temporary path now.
  static func exchange(_ path: FilePath, with target: FilePath) throws(SystemError) -> Bool {
    guard try target.exists() else { return false }
    try FileEvent.report(.rename(path, to: target, exchanging: true))
    try SystemError.catching("replace", target) { () throws(Errno) in
      do throws(Errno) { try SystemCalls.renamePath(path, to: target, mode: .exchanging) } catch {
        guard error == .invalidArgument || error == .noFunction || error == .notSupported else {
          throw error
        }
        // The file system cannot exchange: for a moment nothing stands at the target.
        let aside = register(siblingOf: target)
        defer { forget(aside) }
        try SystemCalls.renamePath(target, to: aside, mode: .replacing)
        do throws(Errno) { try SystemCalls.renamePath(path, to: target, mode: .replacing) } catch {
          try SystemCalls.renamePath(aside, to: target, mode: .replacing)
          throw error
        }
        try SystemCalls.renamePath(aside, to: path, mode: .replacing)
      }
    }
    return true
  }

  /// For file systems that know no renaming without replacing: a second name for a file is
  /// refused where one exists; for a directory there is only looking first.
  private static func renameWithoutReplacing(
    _ path: FilePath, to target: FilePath
  ) throws(Errno) {
    let status = FileStatus(try SystemCalls.status(of: path, followingLinks: false))
    if status.kind == .regular {
      do throws(Errno) {
        try SystemCalls.addLink(path, to: target)
        try? SystemCalls.removeFile(path)
        return
      } catch {
        if error == .fileExists { throw error }
      }
    }
    if (try? SystemCalls.status(of: target, followingLinks: false)) != nil {
      throw .fileExists
    }
    try SystemCalls.renamePath(path, to: target, mode: .replacing)
  }
}

extension FilePath {
  /// Checks that an output may be put here, before any work is done for it.
  ///
  /// - Parameter force: Whether what stands here may be replaced.
  /// - Throws: `SystemError`; ``SystemError/isExistingOutput`` if something stands here and
  ///   `force` is false.
  public func checkAsOutput(force: Bool) throws(SystemError) {
    _ = try TemporaryOutputs.existing(at: self, force: force)
  }
}
