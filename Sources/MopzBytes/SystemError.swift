public import SystemPackage

/// A refusal of the operating system, with the operation and the path.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried, such as `open` or `write`.
  public var operation: String
  /// The file or directory that it was tried on; for a temporary one, the output that it
  /// would have become.
  public var path: FilePath
  /// The reason that the system gave.
  public var errno: Errno
  /// What to say in place of the system's words for the reason.
  public var detail: String?

  /// Makes an error from its parts.
  public init(operation: String, path: FilePath, errno: Errno, detail: String? = nil) {
    self.operation = operation
    self.path = TemporaryOutputs.finalPath(of: path)
    self.errno = errno
    self.detail = detail
  }

  /// A lower-case clause such as `cannot open "x.mopz": No such file or directory`.
  public var description: String {
    "cannot \(operation) \(path.string.quoted): \(reason)"
  }

  private var reason: String {
    if let detail { return detail }
    if isExistingOutput { return "it exists, and replacing needs force" }
    if operation == "create", errno == .noSuchFileOrDirectory {
      let parent = path.removingLastComponent()
      return "the directory \((parent.isEmpty ? "." : parent.string).quoted) does not exist"
    }
    return "\(errno)"
  }

  /// Whether an output was to be created where something stands already.
  public var isExistingOutput: Bool { errno == .fileExists }

  /// Whether trying again, perhaps after freeing space, may help.
  ///
  /// True for a full disk, an exceeded quota and device errors.
  public var isTransient: Bool {
    switch errno {
    case .noSpace, .diskQuotaExceeded, .ioError, .interrupted, .resourceTemporarilyUnavailable,
      .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .fileTooLarge:
      true
    default: false
    }
  }

  /// Runs `body` and adds operation and path to the reason that it throws.
  static func catching<Result>(
    _ operation: String, _ path: FilePath, _ body: () throws(Errno) -> Result
  ) throws(SystemError) -> Result {
    do { return try body() } catch {
      throw SystemError(operation: operation, path: path, errno: error)
    }
  }
}
