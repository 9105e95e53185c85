import MopzAdapters
import MopzBytes

/// What a plan builds on: nothing, for a new file, or the commit of one that exists.
///
/// - Specification: §12.2 and §12.4 of `spec/mopz.md`.
struct CommitBase: Sendable {
  /// A task that stays, and its entry as it stands.
  struct KeptTask: Sendable {
    var name: String
    var entry: TaskEntry
  }

  /// The generation that is built on; 0 for a new file.
  var generation: UInt64 = 0
  /// The end of the bytes that stay; new regions come after it.
  var end = FormatConstants.headerByteCount
  var features: RequiredFeatures = []
  var blockIndex = SegmentReference.none
  /// The tasks that stay, in the order of their names.
  var kept: [KeptTask] = []
  var deadSpace = DeadSpace()

  /// Nothing: the base of a new file.
  init() {}

  /// A commit without some of its tasks.
  ///
  /// - Parameters:
  ///   - commit: The commit that is built on.
  ///   - names: The tasks to leave out.
  ///   - threads: Who looks through records.
  /// - Throws: ``ContainerError``: `.noSuchTask`, or what is wrong with the record of a task
  ///   that stays.
  /// - Complexity: O(tasks); with a removal, O(bytes of all records + blocks of the index).
  init(
    _ commit: CheckedCommit, removing names: Set<ExactName>, threads: WorkerThreads
  ) throws(ContainerError) {
    var missing = names
    var stays: [Bool] = []
    for (checked, name) in commit.directory.entries {
      let isRemoved = missing.remove(ExactName(name)) != nil
      stays.append(!isRemoved)
      if !isRemoved { kept.append(KeptTask(name: name, entry: checked.entry)) }
    }
    if let name = missing.min() { throw .noSuchTask(name.string) }
    let slot = commit.container.slot
    generation = slot.generation
    end = commit.end
    features = RequiredFeatures(rawValue: slot.requiredFeatures)
    blockIndex = slot.blockIndex
    deadSpace = try DeadSpace(commit, stays: stays, threads: threads)
  }
}
