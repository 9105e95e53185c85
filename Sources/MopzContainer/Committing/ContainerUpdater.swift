import MopzBytes
public import SystemPackage

/// The one writer of a container that exists.
///
/// It has the file's lock as long as it lives. A commit leaves the old generation or the new
/// one, whole, wherever it is cut off; readers keep what they opened.
///
/// ```swift
/// var updater = try ContainerUpdater(opening: "family.mopz")
/// let plan = try ContainerPlan(onto: updater.container, adding: [adapter])
/// try updater.commit(plan)
/// ```
///
/// - Specification: §12 of `spec/mopz.md`.
public struct ContainerUpdater: ~Copyable {
  /// Where the file lies, links resolved.
  public let path: FilePath
  /// The newest commit that counts.
  public private(set) var container: Container
  private var file: OutputFile

  /// Opens a container, takes its lock and looks at the newest commit.
  ///
  /// - Parameters:
  ///   - path: The container; a link stands for what it points to.
  ///   - acceptsDamagedSlot: Whether to go on from the newest generation that can be read
  ///     although a slot is damaged, which may have named a later one.
  /// - Throws: ``ContainerError``: `.system`; `.refused` with `.busy` if another writer has
  ///   the file, `.damagedSlot` or `.unknownFeatures`; or a violation found by opening.
  public init(
    opening path: FilePath, acceptsDamagedSlot: Bool = false
  ) throws(ContainerError) {
    let resolved = try ContainerError.wrapping { () throws(SystemError) in try path.resolved() }
    let file = try Self.lockedFile(at: resolved)
    let container = try Self.container(in: file)
    try container.checkWritable(acceptingDamagedSlot: acceptsDamagedSlot)
    self.path = resolved
    self.container = container
    self.file = file
  }

  /// The file that stands at the path when its lock has been taken.
  private static func lockedFile(at path: FilePath) throws(ContainerError) -> OutputFile {
    while true {
      let file = try ContainerError.wrapping { () throws(SystemError) in
        try OutputFile(updating: path)
      }
      let isLocked = try ContainerError.wrapping { () throws(SystemError) in try file.tryLock() }
      guard isLocked else { throw .refused(.busy(path)) }
      let isCurrent = try ContainerError.wrapping { () throws(SystemError) in
        // The name is durable before anything is that will be found by it.
        try path.removingLastComponent().synchronizeDirectory()
        // Compacting puts another file at the path.
        return try path.status()?.identity == file.status().identity
      }
      if isCurrent { return file }
    }
  }

  private static func container(in file: borrowing OutputFile) throws(ContainerError) -> Container {
    let bytes: Bytes
    do throws(SystemError) { bytes = try file.mapped() } catch { throw .system(error) }
    return try Container(bytes: bytes)
  }

  /// Writes a commit.
  ///
  /// After an error the file holds the old generation, and what was appended is cut off; only
  /// `.refused` with `.unconfirmed` says that the new one stands.
  ///
  /// - Parameters:
  ///   - plan: The commit, planned onto ``container``.
  ///   - progress: Is told how far the work is.
  /// - Throws: ``ContainerError``, `.interrupted` if the user asked to stop.
  /// - Complexity: O(``ContainerPlan/appendedByteCount``); memory for one record and the
  ///   directory.
  /// - Specification: §12.2 of `spec/mopz.md`, SLT-11.
  public mutating func commit(
    _ plan: ContainerPlan, progress: ContainerPlan.Progress = { _ in }
  ) throws(ContainerError) {
    try confirm(try append(plan, progress: progress))
  }

  /// Writes all of a commit but its slot: what ``commit(_:progress:)`` does first.
  ///
  /// No reader meets the new generation before it is confirmed; until then the file holds the
  /// old one, whatever happens.
  ///
  /// ```swift
  /// let pending = try updater.append(plan)
  /// guard isGood(pending.container) else { return updater.abandon(pending) }
  /// try updater.confirm(pending)
  /// ```
  ///
  /// - Parameters:
  ///   - plan: The commit, planned onto ``container``.
  ///   - progress: Is told how far the work is.
  /// - Returns: The commit as it will be read, once ``confirm(_:)`` makes it count.
  /// - Throws: ``ContainerError``, `.interrupted` if the user asked to stop; what was appended
  ///   is then cut off.
  /// - Complexity: O(``ContainerPlan/appendedByteCount``); memory for one record and the
  ///   directory.
  /// - Specification: §12.2 of `spec/mopz.md`, steps 1 to 3.
  public mutating func append(
    _ plan: ContainerPlan, progress: ContainerPlan.Progress = { _ in }
  ) throws(ContainerError) -> PendingCommit {
    precondition(
      plan.base.generation == container.generation, "the plan is onto the newest commit")
    do throws(ContainerError) {
      try beginTail(plan)
      let slot = try plan.writeRegions(to: &file, progress: progress)
      do throws(SystemError) { try file.synchronize() } catch { throw .system(error) }
      let bytes: Bytes
      do throws(SystemError) { bytes = try file.mapped() } catch { throw .system(error) }
      return PendingCommit(
        container: try Container(bytes: bytes, pending: slot), slot: slot, start: plan.base.end)
    } catch {
      try? file.rollBack(to: plan.base.end)
      throw error
    }
  }

  /// Makes a commit count that has been appended.
  ///
  /// - Throws: ``ContainerError``, as ``commit(_:progress:)``.
  /// - Specification: §12.2 of `spec/mopz.md`, steps 4 and 5.
  public mutating func confirm(_ pending: PendingCommit) throws(ContainerError) {
    precondition(
      pending.slot.generation == container.generation + 1, "the commit is the next one")
    try write(pending.slot, cuttingTo: pending.start)
    do throws(SystemError) { try file.synchronize() } catch {
      throw .refused(.unconfirmed(generation: pending.slot.generation, error))
    }
    container = try Self.container(in: file)
  }

  /// Cuts off a commit that has been appended and shall not count.
  ///
  /// The old generation stands whether or not the file can be cut. The pending container must
  /// not be looked at any more: its bytes are gone.
  public mutating func abandon(_ pending: PendingCommit) {
    try? file.rollBack(to: pending.start)
  }

  /// Cuts off what an aborted commit left, or keeps it and clears the gap before it.
  private mutating func beginTail(_ plan: ContainerPlan) throws(ContainerError) {
    let committed = container.committedByteCount
    do throws(SystemError) {
      if plan.base.end > committed {
        let gap = committed.aligned(to: FormatConstants.regionAlignment) - committed
        let zeros = [UInt8](repeating: 0, count: min(gap, plan.base.end - committed))
        try file.write(zeros.span.rawBytes, at: committed)
      } else if file.byteCount > committed {
        try file.resize(to: committed)
      }
      try file.reserve(byteCount: plan.committedByteCount)
    } catch { throw .system(error) }
  }

  /// Writes a slot's page; if that fails, puts back what stood there.
  private mutating func write(_ slot: CommitSlot, cuttingTo end: Int) throws(ContainerError) {
    let range = slot.offset..<(slot.offset + FormatConstants.pageByteCount)
    let old = Bytes(copying: container.bytes.span.extracting(range))
    do throws(SystemError) { try file.write(slot.page.span, at: slot.offset) } catch {
      let now = Bytes(copying: container.bytes.span.extracting(range))
      // A reader may have met the new generation already.
      if now.span.hasSameBytes(as: slot.page.span) {
        throw .refused(.unconfirmed(generation: slot.generation, error))
      }
      do throws(SystemError) {
        if !now.span.hasSameBytes(as: old.span) { try file.write(old.span, at: slot.offset) }
        try file.rollBack(to: end)
      } catch {}  // The slot is invalid, and what it may name stays where it is.
      throw .system(error)
    }
  }

  /// Writes the tasks to a new, canonical file, which takes the place of the old one.
  ///
  /// Permissions are kept. Readers keep the old file as long as they have it open.
  ///
  /// - Parameters:
  ///   - plan: A plan made by ``ContainerPlan/init(compacting:threads:)`` of ``container``.
  ///   - progress: Is told how far the work is.
  /// - Throws: ``ContainerError``; the old file then stands as it was, and nothing is left
  ///   behind.
  /// - Specification: §12.5 of `spec/mopz.md`.
  public consuming func replace(
    with plan: ContainerPlan, progress: ContainerPlan.Progress = { _ in }
  ) throws(ContainerError) {
    let path = path
    var output = try ContainerError.wrapping { () throws(SystemError) in
      let output = try AtomicFile(creating: path, force: true)
      try output.file.reserve(byteCount: plan.committedByteCount)
      return output
    }
    try plan.write(to: &output.file, progress: progress)
    let isCurrent: Bool
    do throws(SystemError) {
      isCurrent = try path.status()?.identity == file.status().identity
    } catch { throw .system(error) }
    guard isCurrent else { throw .refused(.replaced(path)) }
    do throws(SystemError) { try output.commit() } catch { throw .system(error) }
  }
}

extension Container {
  /// Checks that this version may add a commit to the one that is open.
  ///
  /// - Throws: ``ContainerError`` `.refused`: `.unknownFeatures`, `.lastGeneration`, or
  ///   `.damagedSlot` unless that is accepted.
  /// - Specification: §12.2 of `spec/mopz.md`.
  public func checkWritable(acceptingDamagedSlot: Bool = false) throws(ContainerError) {
    // Required features that are unknown have been refused by opening; none that may be
    // ignored is known.
    guard slot.ignorableFeatures == 0 else {
      throw .refused(.unknownFeatures(slot.ignorableFeatures))
    }
    guard generation < .max else { throw .refused(.lastGeneration) }
    if let violation = slotViolations.first, !acceptingDamagedSlot {
      throw .refused(.damagedSlot(violation, generation: generation))
    }
  }
}
