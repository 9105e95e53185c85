import MopzBytes

/// A commit whose every byte but the slot is in the file, durable: it can be read, and does
/// not count yet.
///
/// - Specification: §12.2 of `spec/mopz.md`, between steps 3 and 4.
public struct PendingCommit: Sendable {
  /// The commit as readers will find it.
  public let container: Container
  let slot: CommitSlot
  /// Where the bytes begin that were appended.
  let start: Int
}

extension Container {
  /// Opens what a file will be once a slot is written to it.
  ///
  /// - Parameters:
  ///   - bytes: The file, with everything that the slot names.
  ///   - slot: The slot of the generation after the newest one.
  /// - Throws: ``ContainerError``, as ``init(opening:)``.
  /// - Complexity: O(1).
  init(bytes: Bytes, pending slot: CommitSlot) throws(ContainerError) {
    self.init(
      try ContainerOpening(bytes: bytes, pages: HeaderPages(of: bytes).replacing(slot)))
  }
}
