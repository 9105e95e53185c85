import MopzAdapters
import MopzBytes
import MopzDigest
import MopzTensors

/// Stage 4 of a verification: the bytes of every block, and what tables say in blocks.
///
/// - Specification: §9.5 of `spec/mopz.md`.
struct ContentVerification {
  private(set) var findings: [Finding] = []
  private(set) var hashedByteCount = 0
  let blockCount: Int

  /// The bytes above which a piece of work takes no further block.
  private static let pieceByteCount = 4 << 20

  /// The most tasks that a finding about a shared block names.
  private static let nameCountMax = 16

  init(_ records: RecordsVerification, threads: WorkerThreads) throws(ContainerError) {
    let blocks = records.blocksInOrder
    blockCount = blocks.count
    hashedByteCount = blocks.reduce(0) { $0 + Int($1.row.storedLength) }
    let damaged = try Self.damagedBlocks(blocks, records, threads: threads)
    let shared = damaged.filter { blocks[$0.index].taskCount > 1 }
    let users = records.users(ofBlocksAt: Set(shared.map { blocks[$0.index].row.offset }))
    for (index, violation) in damaged {
      let others = (users[blocks[index].row.offset] ?? []).dropFirst()
      var finding = violation.finding()
      if !others.isEmpty {
        let names = others.prefix(Self.nameCountMax).map { records.tasks[$0].name.quoted }
        finding.message +=
          (others.count == 1 ? "; another task uses" : "; \(others.count) other tasks use")
          + " the block: \(names.joined(separator: ", "))"
          + (others.count > Self.nameCountMax ? ", …" : "")
      }
      findings.append(finding)
    }
    for use in records.emptyBlocks {
      let error = records.tasks[use.task].violation(
        ofBlock: use.block, location: records.location(of: use))
      if let error { findings.append(error.finding()) }
    }
    let damagedOffsets = Set(damaged.map { blocks[$0.index].row.offset })
    let perTask = threads.map(records.tasks.count) { index in
      TaskContents(records.tasks[index], damagedOffsets: damagedOffsets).violations
    }
    findings += perTask.joined().map { $0.finding() }
  }

  /// The blocks whose bytes are wrong, in order, with what is wrong.
  private static func damagedBlocks(
    _ blocks: [RecordsVerification.Stored], _ records: RecordsVerification,
    threads: WorkerThreads
  ) throws(ContainerError) -> [(index: Int, violation: FormatViolation)] {
    let pieces = pieces(of: blocks)
    let results = try threads.map(pieces.count) { (piece) throws(ContainerError) in
      var damaged: [(index: Int, violation: FormatViolation)] = []
      for index in pieces[piece] {
        do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted }
        let use = blocks[index].use
        let task = records.tasks[use.task]
        guard task.violation(ofBlock: use.block, location: .file) != nil,
          let violation = task.violation(ofBlock: use.block, location: records.location(of: use))
        else { continue }
        damaged.append((index, violation))
      }
      return damaged
    }
    return results.joined().sorted { $0.index < $1.index }
  }

  /// Runs of blocks, the largest first, so that no thread is left with a large one at the end.
  private static func pieces(of blocks: [RecordsVerification.Stored]) -> [Range<Int>] {
    var pieces: [(range: Range<Int>, byteCount: Int)] = []
    for (index, block) in blocks.enumerated() {
      let byteCount = Int(block.row.storedLength)
      if let last = pieces.last, last.byteCount + byteCount <= pieceByteCount {
        pieces[pieces.count - 1] = (
          last.range.lowerBound..<(index + 1), last.byteCount + byteCount
        )
      } else {
        pieces.append((index..<(index + 1), byteCount))
      }
    }
    return pieces.sorted {
      ($1.byteCount, $0.range.lowerBound) < ($0.byteCount, $1.range.lowerBound)
    }.map(\.range)
  }
}

extension MappedTask {
  /// Checks the hashes of every block that the task uses.
  ///
  /// - Throws: ``ContainerError`` BLK-8, BLK-9 or COD-5 to COD-7 for the first block that is
  ///   damaged.
  /// - Complexity: O(``referencedByteCount``).
  public func verifyBlocks() throws(ContainerError) {
    for index in 0..<blockCount { try verifyBlock(at: index) }
  }

  /// Checks the hashes of one block.
  ///
  /// - Precondition: `index` is less than ``blockCount``.
  /// - Throws: ``ContainerError`` BLK-8, BLK-9 or COD-5 to COD-7.
  public func verifyBlock(at index: Int) throws(ContainerError) {
    if let violation = violation(ofBlock: index, location: .block(task: name, index: index)) {
      throw .violation(violation)
    }
  }

  /// What is wrong with a block's bytes, or nil.
  func violation(ofBlock index: Int, location: FormatLocation) -> FormatViolation? {
    let row = reader.block(index)
    let stored = storedBytes(ofBlock: index)
    let hash = XXH3.hash128(stored.span)
    guard hash == row.storedHash else {  // BLK-8
      return FormatViolation(
        rule: .blockStoredHash, location: location,
        detail: .digests(expected: row.storedHash, found: hash))
    }
    let info = blockInfo(at: index)
    var inner = hash
    if info.codec != .raw || info.storedDType != info.dtype {
      do throws(ContainerError) {
        inner = try BlockDecoder(info, stored: stored, location).logicalHash()
      } catch {
        if case .violation(let violation) = error { return violation }
        return nil  // Decoding fails for no other reason.
      }
    }
    let content = ContentHash.hash(info.dtype, info.shape, bytes: inner)
    guard content == row.contentHash else {  // BLK-9
      return FormatViolation(
        rule: .blockContentHash, location: location,
        detail: .digests(expected: row.contentHash, found: content))
    }
    return nil
  }
}

extension BlockDecoder {
  /// The hash of all logical bytes, tile by tile.
  fileprivate func logicalHash() throws(ContainerError) -> Digest128 {
    var stream = XXH3Stream()
    while remainingElementCount > 0 {
      let tile = try nextTile()
      stream.update(tile.span)
    }
    return stream.finish()
  }
}
