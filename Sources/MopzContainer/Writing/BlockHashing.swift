import MopzAdapters
import MopzBytes
import MopzTensors

/// A task as it goes into a plan: its adapter, and its blocks as they will be stored.
struct TaskContent: Sendable {
  var adapter: Adapter
  /// The adapter's blocks that are used, in the order of first use.
  var blocks: [StoredBlock]
  /// The adapter's index of each of `blocks`.
  var order: [Int]
}

/// Hashes the blocks of many tasks, shared out by size.
enum BlockHashing {
  /// A run of one task's blocks, to be hashed by one thread at a time.
  private struct Piece {
    var task: Int
    var blocks: Range<Int>
    var byteCount: Int
  }

  /// The bytes above which a piece takes no further block.
  private static let pieceByteCount = 8 << 20

  /// The tasks with raw blocks; those that a fit made are narrow where that loses nothing.
  ///
  /// - Throws: ``ContainerError`` if a table names a block that its adapter lacks.
  static func tasks(
    of adapters: [Adapter], threads: WorkerThreads
  ) throws(ContainerError) -> [TaskContent] {
    var contents: [TaskContent] = []
    var pieces: [Piece] = []
    for (task, adapter) in adapters.enumerated() {
      let order = try BlockUses(adapter).order
      contents.append(TaskContent(adapter: adapter, blocks: [], order: order))
      pieces += Self.pieces(of: order.map { adapter.blocks[$0].bytes.count }, task: task)
    }
    // The largest first, so that no thread is left with a large one at the end.
    let bySize = pieces.indices.sorted {
      (pieces[$1].byteCount, $0) < (pieces[$0].byteCount, $1)
    }
    let fitted = adapters.map(\.fittedBlocks)
    let shared = (contents, pieces)
    let hashed = threads.map(bySize.count) { rank in
      let piece = shared.1[bySize[rank]]
      let content = shared.0[piece.task]
      return piece.blocks.map { place in
        let block = content.order[place]
        let raw = StoredBlock(raw: content.adapter.blocks[block])
        return fitted[piece.task].contains(block) ? raw.narrowed : raw
      }
    }
    var byPiece = [[StoredBlock]](repeating: [], count: pieces.count)
    for (rank, blocks) in hashed.enumerated() { byPiece[bySize[rank]] = blocks }
    for (index, piece) in pieces.enumerated() { contents[piece.task].blocks += byPiece[index] }
    return contents
  }

  private static func pieces(of byteCounts: [Int], task: Int) -> [Piece] {
    var pieces: [Piece] = []
    for (block, byteCount) in byteCounts.enumerated() {
      if var last = pieces.last, last.byteCount + byteCount <= pieceByteCount {
        last.blocks = last.blocks.lowerBound..<(block + 1)
        last.byteCount += byteCount
        pieces[pieces.count - 1] = last
      } else {
        pieces.append(Piece(task: task, blocks: block..<(block + 1), byteCount: byteCount))
      }
    }
    return pieces
  }
}
