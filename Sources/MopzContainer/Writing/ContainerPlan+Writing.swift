public import MopzAdapters
public import MopzBytes
import MopzDigest
public import SystemPackage

extension ContainerPlan {
  /// Writes the container, front to back, and its slot last.
  ///
  /// - Parameter file: A new, empty file; making it durable is the caller's.
  /// - Throws: ``ContainerError`` `.system`, or `.interrupted` if the user asked to stop.
  /// - Complexity: O(``committedByteCount``); memory for one record and the directory.
  public func write(to file: inout OutputFile) throws(ContainerError) {
    precondition(file.byteCount == 0, "a container is written to an empty file")
    try writeHeader(to: &file)
    try writeBlocks(to: &file)
    var directory = DirectoryBuilder()
    for task in tasks {
      try checkCancellation()
      var entry = task.entry
      let bytes = try record(of: task).bytes
      entry.recordOffset = UInt64(try file.appendRegion(bytes.span))
      directory.append(entry, name: task.adapter.name)
    }
    var slot = CommitSlot(generation: 1)
    slot.blockIndex = try writeIndex(to: &file)
    let bytes = directory.encoded()
    slot.directoryOffset = UInt64(try file.appendRegion(bytes.span))
    slot.directoryLength = UInt64(bytes.count)
    slot.directoryHash = XXH3.hash128(bytes.span)
    slot.committedLength = UInt64(file.byteCount)
    slot.requiredFeatures = features.rawValue
    slot.taskCount = UInt64(tasks.count)
    precondition(file.byteCount == committedByteCount, "the plan's length is the file's")
    do throws(SystemError) {
      try file.write(slot.sealed().page.span, at: FormatConstants.slotOffsets.a)
    } catch { throw .system(error) }
  }

  private func writeHeader(to file: inout OutputFile) throws(ContainerError) {
    do throws(SystemError) {
      try file.append(FileHeader().bytes.span)
      try file.appendZeros(count: FormatConstants.headerByteCount - FileHeader.byteCount)
    } catch { throw .system(error) }
  }

  private func writeBlocks(to file: inout OutputFile) throws(ContainerError) {
    let order = blocks.indices.filter { blocks[$0].block.bytes.count > 0 }
      .sorted { blocks[$0].offset < blocks[$1].offset }
    for index in order {
      try checkCancellation()
      let block = blocks[index]
      let offset = try file.appendRegion(
        block.block.bytes.span, alignment: block.block.alignment)
      precondition(offset == block.offset, "a block is written where the plan put it")
    }
  }

  private func writeIndex(to file: inout OutputFile) throws(ContainerError) -> SegmentReference {
    let stored = blocks.filter { $0.block.bytes.count > 0 }
    guard !stored.isEmpty else { return .none }
    let segment = BlockIndexSegment.encoded(
      stored.map {
        BlockIndexEntry(
          contentHash: $0.block.contentHash, offset: UInt64($0.offset),
          storedLength: UInt64($0.block.bytes.count))
      })
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
