public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the system knows about a file or directory.
public struct FileStatus: Hashable, Sendable {
  /// What stands at a path.
  public enum Kind: Hashable, Sendable {
    case regular, directory, symbolicLink
    /// A device, socket or pipe.
    case special
  }

  /// Which file it is, whatever its name.
  public struct Identity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
  }

  /// What it is.
  public let kind: Kind
  /// The size of a regular file in bytes.
  public let byteCount: Int
  /// Which file it is.
  public let identity: Identity
  /// The permission bits.
  public let permissions: FilePermissions

  init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: .symbolicLink
      default: .special
      }
    byteCount = Int(status.st_size)
    identity = Identity(
      device: UInt64(bitPattern: Int64(status.st_dev)),
      inode: UInt64(status.st_ino))
    permissions = FilePermissions(rawValue: CInterop.Mode(status.st_mode & 0o7777))
  }
}

extension FilePath {
  /// What stands at the path, or nil if nothing does.
  ///
  /// - Parameter followingLinks: Whether a symbolic link stands for what it points to; a
  ///   link to nothing then counts as nothing.
  /// - Throws: `SystemError` if the path cannot be examined. The corresponding C functions
  ///   are `stat` and `lstat`.
  public func status(followingLinks: Bool = true) throws(SystemError) -> FileStatus? {
    do throws(Errno) {
      return FileStatus(try SystemCalls.status(of: self, followingLinks: followingLinks))
    } catch {
      if error == .noSuchFileOrDirectory || error == .notDirectory { return nil }
      throw SystemError(operation: "examine", path: self, errno: error)
    }
  }

  /// Whether a regular file stands at the path, links followed.
  ///
  /// - Throws: `SystemError` if the path cannot be examined.
  public func isRegularFile() throws(SystemError) -> Bool { try status()?.kind == .regular }

  /// Whether a directory stands at the path, links followed.
  ///
  /// - Throws: `SystemError` if the path cannot be examined.
  public func isDirectory() throws(SystemError) -> Bool { try status()?.kind == .directory }

  /// Whether anything stands at the path, a link to nothing included.
  ///
  /// - Throws: `SystemError` if the path cannot be examined.
  public func exists() throws(SystemError) -> Bool { try status(followingLinks: false) != nil }

  /// The absolute path without links, `.` and `..`.
  ///
  /// - Throws: `SystemError` if nothing stands there. The corresponding C function is
  ///   `realpath`.
  public func resolved() throws(SystemError) -> FilePath {
    try SystemError.catching("resolve", self) { () throws(Errno) in try SystemCalls.resolve(self) }
  }

  /// The bytes that may still be written to the file system that holds the path, or its
  /// nearest directory that exists.
  ///
  /// - Throws: `SystemError`. The corresponding C function is `statvfs`.
  public func freeByteCount() throws(SystemError) -> Int {
    var place = isEmpty ? "." : self
    while try place.status() == nil {
      let parent = place.removingLastComponent()
      place = parent.isEmpty ? "." : parent
    }
    return try SystemError.catching("examine", place) { () throws(Errno) in
      try SystemCalls.freeByteCount(at: place)
    }
  }
}
