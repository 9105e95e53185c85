public import SystemPackage

/// An output directory that appears whole or not at all.
///
/// Its files are written to a sibling of the target, named `.NAME.mopz-tmp-PID-RANDOM`.
/// ``commit()`` makes everything durable and renames the sibling to the target; a value
/// that goes away without it removes the sibling.
public struct AtomicDirectory: ~Copyable, Sendable {
  /// Where the directory will stand.
  public let target: FilePath
  /// Where it stands now, to put files into.
  public let path: FilePath
  private let force: Bool
  private var isCommitted = false

  /// Begins a directory.
  ///
  /// - Parameter force: Whether what stands at the target may be replaced; a directory is
  ///   then removed with everything in it, after the new one has taken its place.
  /// - Throws: `SystemError`; ``SystemError/isExistingOutput`` if something stands at the
  ///   target and `force` is false, even an empty directory.
  public init(creating target: FilePath, force: Bool) throws(SystemError) {
    _ = try TemporaryOutputs.existing(at: target, force: force)
    let path = TemporaryOutputs.register(siblingOf: target)
    do throws(SystemError) { try path.createDirectory() } catch {
      TemporaryOutputs.forget(path)
      throw error
    }
    self.target = target
    self.path = path
    self.force = force
  }

  /// Makes everything in the directory durable and gives the directory its name.
  ///
  /// - Throws: `SystemError`; ``SystemError/isExistingOutput`` if something appeared at the
  ///   target meanwhile and `force` is false. The temporary directory is then removed. If
  ///   a step after the renaming fails, the directory stands at the target.
  public consuming func commit() throws(SystemError) {
    try path.synchronizeTree()
    let parent = target.removingLastComponent()
    if force, try TemporaryOutputs.exchange(path, with: target) {
      // The old one has the temporary name now, and goes with it.
      try parent.synchronizeDirectory()
      return
    }
    try TemporaryOutputs.rename(path, to: target, force: force)
    isCommitted = true
    TemporaryOutputs.forget(path)
    try parent.synchronizeDirectory()
  }

  deinit {
    if !isCommitted { TemporaryOutputs.remove(path) }
  }
}
