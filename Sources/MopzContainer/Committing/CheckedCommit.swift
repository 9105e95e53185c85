import MopzBytes

/// A commit whose directory and block index have been checked in full, to be built on.
///
/// What is copied from a damaged one would have fresh, valid hashes.
///
/// - Specification: §12.2 of `spec/mopz.md`.
struct CheckedCommit {
  let container: Container
  let directory: DirectoryVerification
  let chain: BlockIndexChain

  /// Checks directory and block index as a verification does.
  ///
  /// - Throws: ``ContainerError``: the first rule that is broken, or `.refused` if this
  ///   version must not build on the commit.
  /// - Complexity: O(tasks + blocks of the index).
  init(of container: Container) throws(ContainerError) {
    try container.checkWritable(acceptingDamagedSlot: true)
    self.container = container
    directory = DirectoryVerification(container)
    chain = BlockIndexChain(container)
    if let violation = directory.violations.first ?? chain.violation {
      throw .violation(violation)
    }
  }

  /// Where new regions may begin: behind what a damaged slot may stand for, too.
  var end: Int {
    container.slotViolations.isEmpty ? container.committedByteCount : container.bytes.count
  }
}
