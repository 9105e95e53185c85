public import MopzBytes
public import SystemPackage

/// An empty directory that is removed with everything in it when the value goes.
public struct TemporaryDirectory: ~Copyable {
  /// The directory.
  public let path: FilePath

  /// Creates a directory under the system's directory for temporary files.
  public init() throws {
    let name = "mopz-tests-" + String(UInt64.random(in: .min ... .max), radix: 36)
    path = FilePath("/tmp").appending(name)
    try path.createDirectory()
  }

  deinit { try? path.removeTree() }

  /// Writes a file in the directory, and returns its path.
  @discardableResult
  public func write(_ bytes: [UInt8], to relative: String) throws -> FilePath {
    let file = path.pushing(FilePath(relative))
    var output = try OutputFile(creating: file)
    try output.append(bytes)
    try output.flush()
    return file
  }

  /// Writes a text file in the directory, and returns its path.
  @discardableResult
  public func write(_ text: String, to relative: String) throws -> FilePath {
    try write(Array(text.utf8), to: relative)
  }
}

extension Bytes {
  /// The bytes as an array, to compare and to change.
  public var array: [UInt8] { Array(copying: span) }
}
