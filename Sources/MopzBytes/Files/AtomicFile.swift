public import SystemPackage

/// An output file that appears whole or not at all.
///
/// The bytes go to a sibling of the target, named `.NAME.mopz-tmp-PID-RANDOM`.
/// ``commit()`` makes them durable and renames the sibling to the target; a value that goes
/// away without it removes the sibling. What stood at the target stays intact until then,
/// and readers that mapped it keep what they mapped.
///
/// ```swift
/// var output = try AtomicFile(creating: path, force: false)
/// try output.file.append(bytes.span)
/// try output.commit()
/// ```
public struct AtomicFile: ~Copyable, Sendable {
  /// Where the file will stand.
  public let target: FilePath
  /// The file to write.
  public var file: OutputFile
  private let force: Bool
  private var isCommitted = false

  /// Begins a file.
  ///
  /// - Parameter force: Whether what stands at the target may be replaced; its permissions
  ///   are kept. A directory is never replaced.
  /// - Throws: `SystemError`; ``SystemError/isExistingOutput`` if something stands at the
  ///   target and `force` is false.
  public init(creating target: FilePath, force: Bool) throws(SystemError) {
    let existing = try TemporaryOutputs.existing(at: target, force: force)
    if existing?.kind == .directory {
      throw SystemError(operation: "replace", path: target, errno: .isDirectory)
    }
    file = try Self.sibling(of: target, replacing: existing)
    self.target = target
    self.force = force
  }

  private static func sibling(
    of target: FilePath, replacing existing: FileStatus?
  ) throws(SystemError) -> OutputFile {
    let path = TemporaryOutputs.register(siblingOf: target)
    do throws(SystemError) {
      let file = try OutputFile(creating: path)
      if let existing, existing.kind == .regular {
        try file.setPermissions(existing.permissions)
      }
      return file
    } catch {
      TemporaryOutputs.remove(path)
      throw error
    }
  }

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `SystemError`; ``SystemError/isExistingOutput`` if something appeared at the
  ///   target meanwhile and `force` is false. The temporary file is then removed. If the
  ///   last step fails, which makes the new name durable, the file stands at the target.
  public consuming func commit() throws(SystemError) {
    try file.synchronize()
    try file.close()
    try TemporaryOutputs.rename(file.path, to: target, force: force)
    isCommitted = true
    TemporaryOutputs.forget(file.path)
    try target.removingLastComponent().synchronizeDirectory()
  }

  deinit {
    if !isCommitted { TemporaryOutputs.remove(file.path) }
  }
}

extension OutputFile {
  /// The corresponding C function is `fchmod`.
  func setPermissions(_ permissions: FilePermissions) throws(SystemError) {
    try catching("create") { () throws(Errno) in
      try SystemCalls.setPermissions(permissions.rawValue, of: descriptor)
    }
  }
}
