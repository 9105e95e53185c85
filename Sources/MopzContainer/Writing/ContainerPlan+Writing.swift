public import MopzAdapters
public import MopzBytes
import MopzDigest
public import SystemPackage

extension ContainerPlan {
  /// Sees how many of ``appendedByteCount`` bytes have been written.
  public typealias Progress = (_ doneByteCount: Int) -> Void

  /// Writes a new container, front to back, and its slot last.
  ///
  /// - Parameters:
  ///   - file: A new, empty file; making it durable is the caller's.
  ///   - progress: Is told how far the work is.
  /// - Precondition: The plan is not one of a commit to a container that exists.
  /// - Throws: ``ContainerError`` `.system`, or `.interrupted` if the user asked to stop.
  /// - Complexity: O(``committedByteCount``); memory for one record and the directory.
  public func write(
    to file: inout OutputFile, progress: Progress = { _ in }
  ) throws(ContainerError) {
    precondition(base.generation == 0, "a commit is written by an updater")
    precondition(file.byteCount == 0, "a container is written to an empty file")
    try writeHeader(to: &file)
    let slot = try writeRegions(to: &file, progress: progress)
    do throws(SystemError) { try file.write(slot.page.span, at: slot.offset) } catch {
      throw .system(error)
    }
  }

  /// Writes everything but the slot to the end of a file.
  ///
  /// - Returns: The slot, which makes it count.
  func writeRegions(
    to file: inout OutputFile, progress: Progress
  ) throws(ContainerError) -> CommitSlot {
    try writeBlocks(to: &file, progress: progress)
    var entries: [TaskEntry] = []
    for task in tasks {
      try checkCancellation()
      var entry = task.entry
      let bytes = try record(of: task).bytes
      entry.recordOffset = UInt64(try file.appendRegion(bytes.span))
      entries.append(entry)
    }
    try checkCancellation()
    var slot = CommitSlot(generation: generation)
    slot.blockIndex = try writeIndex(to: &file)
    let bytes = directory(of: entries)
    slot.directoryOffset = UInt64(try file.appendRegion(bytes.span))
    slot.directoryLength = UInt64(bytes.count)
    slot.directoryHash = XXH3.hash128(bytes.span)
    slot.committedLength = UInt64(file.byteCount)
    slot.requiredFeatures = features.rawValue
    slot.taskCount = UInt64(taskCount)
    precondition(file.byteCount == committedByteCount, "the plan's length is the file's")
    progress(appendedByteCount)
    return slot.sealed()
  }

  /// The directory of the tasks that stay and of the new ones, in the order of names.
  ///
  /// - Parameter entries: Those of ``tasks``.
  private func directory(of entries: [TaskEntry]) -> Bytes {
    var builder = DirectoryBuilder(deadExtents: deadExtents)
    var kept = base.kept[...]
    for (task, entry) in zip(tasks, entries) {
      let name = ExactName(task.adapter.name)
      while let next = kept.first, ExactName(next.name) < name {
        builder.append(next.entry, name: next.name)
        kept.removeFirst()
      }
      builder.append(entry, name: name.string)
    }
    for task in kept { builder.append(task.entry, name: task.name) }
    return builder.encoded()
  }

  private func writeHeader(to file: inout OutputFile) throws(ContainerError) {
    do throws(SystemError) {
      try file.append(FileHeader().bytes.span)
      try file.appendZeros(count: FormatConstants.headerByteCount - FileHeader.byteCount)
    } catch { throw .system(error) }
  }

  private func writeBlocks(
    to file: inout OutputFile, progress: Progress
  ) throws(ContainerError) {
    let start = file.byteCount
    let order = blocks.indices.filter { blocks[$0].isNew }
      .sorted { blocks[$0].offset < blocks[$1].offset }
    for index in order {
      try checkCancellation()
      let block = blocks[index]
      let offset = try file.appendRegion(
        block.block.bytes.span, alignment: block.block.alignment)
      precondition(offset == block.offset, "a block is written where the plan put it")
      progress(file.byteCount - start)
    }
  }

  private func writeIndex(to file: inout OutputFile) throws(ContainerError) -> SegmentReference {
    let new = blocks.filter(\.isNew)
    guard !new.isEmpty else { return base.blockIndex }
    let segment = BlockIndexSegment.encoded(
      new.map {
        BlockIndexEntry(
          contentHash: $0.block.contentHash, offset: UInt64($0.offset),
          storedLength: UInt64($0.block.bytes.count))
      }, previous: base.blockIndex)
    let offset = try file.appendRegion(segment.span)
    return SegmentReference(
      offset: UInt64(offset), length: UInt64(segment.count), hash: XXH3.hash128(segment.span))
  }

  private func checkCancellation() throws(ContainerError) {
    do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted }
  }
}

/// Writes containers.
public enum ContainerWriter {
  /// Writes adapters to a new container, which appears whole or not at all.
  ///
  /// - Parameters:
  ///   - adapters: The tasks, in any order.
  ///   - path: Where the container will stand.
  ///   - force: Whether a file that stands there may be replaced.
  ///   - isCompressed: Whether blocks are compressed.
  ///   - threads: Who hashes and compresses blocks and checks records.
  /// - Throws: ``ContainerError``.
  public static func write(
    _ adapters: [Adapter], to path: FilePath, force: Bool = false, isCompressed: Bool = false,
    threads: WorkerThreads = .all
  ) throws(ContainerError) {
    let plan = try ContainerPlan(
      of: adapters,
      compression: isCompressed ? Compression(scratch: path.removingLastComponent()) : nil,
      threads: threads)
    var output: AtomicFile
    do throws(SystemError) { output = try AtomicFile(creating: path, force: force) } catch {
      throw .system(error)
    }
    try plan.write(to: &output.file)
    do throws(SystemError) { try output.commit() } catch { throw .system(error) }
  }
}
