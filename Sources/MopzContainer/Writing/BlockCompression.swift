import MopzBytes
import MopzDigest
import MopzTensors
import SystemPackage

/// Compresses the distinct blocks of a container that is being planned.
///
/// The blocks go through in waves, each shared out among the threads, so that no more than
/// a wave is in memory beside what ``Compression`` allows.
///
/// - Specification: §6.7 of `spec/mopz.md`.
struct BlockCompression {
  /// The logical bytes above which a wave takes no further block.
  private static let waveByteCount = 128 << 20
  /// The logical bytes above which a piece of a wave takes no further block.
  private static let pieceByteCount = 1 << 20

  private let compression: Compression
  private let threads: WorkerThreads
  private var keptByteCount = 0

  init(_ compression: Compression, threads: WorkerThreads) {
    self.compression = compression
    self.threads = threads
  }

  /// The blocks in the shortest form; those that a fit made stay as they are.
  ///
  /// - Throws: ``ContainerError`` if a block that is decoded before is damaged, if scratch
  ///   files cannot be written, or if the user asked to stop.
  /// - Complexity: O(bytes).
  mutating func compressed(_ blocks: [StoredBlock]) throws(ContainerError) -> [StoredBlock] {
    var result: [StoredBlock] = []
    result.reserveCapacity(blocks.count)
    for wave in Self.runs(of: blocks.indices, blocks, byteCount: Self.waveByteCount) {
      let pieces = Self.runs(of: wave, blocks, byteCount: Self.pieceByteCount)
      let encoded = try threads.map(pieces.count) { (index) throws(ContainerError) in
        try Self.compressed(blocks[pieces[index]])
      }
      result += try kept(encoded.flatMap(\.self), of: blocks[wave])
    }
    return result
  }

  /// Consecutive runs of blocks of at most so many logical bytes, or of one block.
  private static func runs(
    of range: Range<Int>, _ blocks: [StoredBlock], byteCount limit: Int
  ) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var start = range.lowerBound
    var byteCount = 0
    for index in range {
      if index > start, byteCount + blocks[index].logicalByteCount > limit {
        runs.append(start..<index)
        (start, byteCount) = (index, 0)
      }
      byteCount += blocks[index].logicalByteCount
    }
    if start < range.upperBound { runs.append(start..<range.upperBound) }
    return runs
  }

  private static func compressed(
    _ blocks: ArraySlice<StoredBlock>
  ) throws(ContainerError) -> [StoredBlock] {
    let encoder = BlockEncoder()
    var result: [StoredBlock] = []
    for block in blocks {
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted }
      result.append(try Self.compressed(block, encoder))
    }
    return result
  }

  private static func compressed(
    _ block: StoredBlock, _ encoder: BlockEncoder
  ) throws(ContainerError) -> StoredBlock {
    guard block.codec != .rowsInt8 else { return block }
    let tensor = try block.encoded.decoded()
    if let encoded = encoder.encoded(tensor) {
      return StoredBlock(encoded, contentHash: block.contentHash)
    }
    return block.isRaw ? block : StoredBlock(raw: tensor)
  }

  /// The blocks of a wave, with their new bytes in a scratch file if memory is used up.
  private mutating func kept(
    _ wave: [StoredBlock], of sources: ArraySlice<StoredBlock>
  ) throws(ContainerError) -> [StoredBlock] {
    let isNew = zip(wave, sources).map { block, source in
      source.codec != .rowsInt8 && !(block.isRaw && source.isRaw)
    }
    let byteCount = zip(wave, isNew).reduce(0) { $0 + ($1.1 ? $1.0.bytes.count : 0) }
    guard keptByteCount + byteCount > compression.memoryByteCount, byteCount > 0 else {
      keptByteCount += byteCount
      return wave
    }
    do throws(SystemError) {
      let scratch = try ScratchBytes.mapped(
        zip(wave, isNew).filter(\.1).map(\.0.bytes), in: compression.scratch)
      var result = wave
      var position = 0
      for index in wave.indices where isNew[index] {
        let count = wave[index].bytes.count
        result[index].bytes = scratch.slice(position..<(position + count))
        position += count
      }
      return result
    } catch { throw .system(error) }
  }
}
