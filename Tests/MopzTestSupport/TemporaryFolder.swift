public import MopzBytes
public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A new directory that goes away with the value.
public final class TemporaryFolder: Sendable {
  /// The directory.
  public let path: FilePath

  /// Creates a directory in the system's place for temporary files.
  public init() throws(SystemError) {
    let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    path = FilePath("/tmp/mopz-tests-\(random)")
    try path.createDirectory()
  }

  deinit { try? path.removeTree() }

  /// The path of a name in the directory.
  public func callAsFunction(_ name: String) -> FilePath { path.appending(name) }

  /// Creates a file.
  @discardableResult
  public func write(_ name: String, _ bytes: [UInt8]) throws(SystemError) -> FilePath {
    var file = try OutputFile(creating: self(name))
    try file.append(bytes)
    try file.close()
    return self(name)
  }

  /// Creates a file with the UTF-8 of a text.
  @discardableResult
  public func write(_ name: String, _ text: String) throws(SystemError) -> FilePath {
    try write(name, Array(text.utf8))
  }

  /// Creates a symbolic link.
  public func link(_ name: String, to destination: String) throws(SystemError) {
    // SAFETY: both strings are terminated and outlive the call.
    let result = unsafe destination.withPlatformString { destination in
      unsafe self(name).withPlatformString { unsafe symlink(destination, $0) }
    }
    guard result == 0 else {
      throw SystemError(operation: "link", path: self(name), errno: Errno(rawValue: errno))
    }
  }

  /// Creates a named pipe.
  public func makePipe(_ name: String) throws(SystemError) {
    // SAFETY: the string is terminated and outlives the call.
    let result = unsafe self(name).withPlatformString { unsafe mkfifo($0, 0o600) }
    guard result == 0 else {
      throw SystemError(operation: "create", path: self(name), errno: Errno(rawValue: errno))
    }
  }

  /// The names in the directory, ordered by their bytes.
  public func names() throws(SystemError) -> [String] {
    try path.directoryEntries().map(\.name.string)
  }
}
