public import MopzBytes
public import MopzDigest
public import SystemPackage

/// A `.mopz` file, opened: many adapters of base models in one mapped file.
///
/// Opening validates the header, the commit slots and the bounds of the
/// directory; its cost does not depend on the number of tasks. Looking a task up
/// validates the task's entry, record and tables; what is wrong with one task
/// keeps no other from being used. Order, overlap and the hashes of all blocks
/// are the work of ``ContainerVerification``.
///
/// ```swift
/// let container = try Container(opening: "family.mopz")
/// let task = try container.task(named: "support-de")
/// for index in 0..<task.tensorCount { print(task.info(at: index)) }
/// ```
///
/// Copies share the mapping, which lives as long as one of them, a task or a
/// tensor does. A file that another process truncates while it is mapped is
/// outside what can be guarded.
///
/// - Specification: §5 of `spec/mopz.md`.
public struct Container: Sendable {
  /// The whole file, mapped.
  let bytes: Bytes
  /// The newest valid slot.
  let slot: CommitSlot
  /// The directory's header.
  let directory: DirectoryHeader
  /// Whether reserved bytes must be zero: not if a later version uses them.
  let checksReserved: Bool

  /// What opening noticed and survived: a damaged slot, bytes after the commit.
  public let findings: [Finding]

  /// What is wrong with the slots although one of them can be used.
  let slotViolations: [FormatViolation]

  /// Maps and opens a file.
  ///
  /// - Throws: ``ContainerError``: `.system` if the file cannot be mapped, else a
  ///   violation of a rule that is checked by *open*.
  /// - Complexity: O(1); touches at most 64 KiB.
  public init(opening path: FilePath) throws(ContainerError) {
    self.init(try ContainerOpening(mapping: path))
  }

  /// Opens a container that lies in memory.
  ///
  /// - Throws: ``ContainerError``, as ``init(opening:)``.
  /// - Complexity: O(1).
  public init(bytes: Bytes) throws(ContainerError) {
    self.init(try ContainerOpening(bytes: bytes, pages: HeaderPages(of: bytes)))
  }

  init(_ opening: ContainerOpening) {
    bytes = opening.bytes
    slot = opening.slot
    directory = opening.directory
    checksReserved = opening.checksReserved
    slotViolations = opening.slotViolations
    findings = opening.findings
  }

  /// The commit that stands at a path now, if it is not the one that is open here.
  ///
  /// This value, its tasks and their tensors stay as they are: a reader moves on when it
  /// chooses to. Two commits are the same if their ``rootDigest`` is.
  ///
  /// - Throws: ``ContainerError``, as ``init(opening:)``.
  /// - Complexity: O(1).
  /// - Specification: §12.6 of `spec/mopz.md`.
  public func refreshed(from path: FilePath) throws(ContainerError) -> Container? {
    let latest = try Container(opening: path)
    return latest.rootDigest == rootDigest ? nil : latest
  }

  /// The number of tasks.
  public var taskCount: Int { Int(slot.taskCount) }

  /// The commit's number, from 1 on.
  public var generation: UInt64 { slot.generation }

  /// The hash that covers the commit; it changes with everything in it.
  public var rootDigest: Digest128 { slot.rootHash }

  /// The bytes of the file that the commit covers.
  public var committedByteCount: Int { Int(slot.committedLength) }

  /// The bytes of the file.
  public var fileByteCount: Int { bytes.count }
}
