import MopzAdapters
import MopzLinearAlgebra
public import MopzTensors

/// A pool of B and a pool of A that a container has already.
///
/// Tasks that are routed through them take their vectors as they are, at no cost.
public struct StoredPool: Sendable {
  /// The blocks of the pool of B, each `[vectors, out / upChunks]`.
  private let ups: [Tensor]
  /// The blocks of the pool of A, each `[vectors, in / downChunks]`.
  private let downs: [Tensor]
  private let upChunks: Int
  private let downChunks: Int
  private let isDiagonal: Bool
  /// Who takes from the pools.
  let users: Set<GroupKey>

  /// The most vectors of a factor that a pool may give; our own fits stay far below.
  static let vectorCountMax = 512

  /// Pools with their blocks.
  ///
  /// - Parameters:
  ///   - use: A use of the pools.
  ///   - users: Who else takes from them.
  ///   - ups: The blocks of the pool of B, in the order of the use.
  ///   - downs: The blocks of the pool of A, likewise.
  /// - Returns: Nil if the blocks are not those of the use, have values that are not finite or
  ///   vectors too long or too short to be squared, or are too many to be worked with.
  /// - Complexity: O(elements).
  public init?(_ use: PoolUse, users: Set<GroupKey>, ups: [Tensor], downs: [Tensor]) {
    guard Self.isSound(ups, use.up), Self.isSound(downs, use.down) else { return nil }
    // Vector j of one meets vector j of the other, so there must be as many.
    guard !use.isDiagonal || use.up.vectorCount == use.down.vectorCount else { return nil }
    self.ups = ups
    self.downs = downs
    upChunks = use.up.chunkCount
    downChunks = use.down.chunkCount
    isDiagonal = use.isDiagonal
    self.users = users.union([use.user])
  }

  private static func isSound(_ tensors: [Tensor], _ side: PoolUse.Side) -> Bool {
    guard tensors.count == side.counts.count, side.vectorCount <= vectorCountMax else {
      return false
    }
    return zip(tensors, side.counts).allSatisfy { tensor, count in
      guard tensor.shape == [count, side.width / side.chunkCount],
        let elements = tensor.view.float64Elements()
      else { return false }
      let width = tensor.shape[1]
      return (0..<count).allSatisfy { row in
        let greatest = elements[(row * width)..<((row + 1) * width)].reduce(0) {
          max($0, $1.isFinite ? abs($1) : .infinity)
        }
        return greatest == 0 || squarable.contains(greatest)
      }
    }
  }

  /// What the greatest element of a vector may be, so that its squared length is in range.
  private static let squarable = 1e-30...1e30

  /// The pools as a fit works with them.
  ///
  /// - Complexity: O(elements).
  var pool: PublicPool {
    var pool = PublicPool(
      up: Self.matrix(ups), down: Self.matrix(downs), upChunks: upChunks, downChunks: downChunks,
      isDiagonal: isDiagonal)
    pool.blocks = PoolBlocks(up: VectorBlocks(ups), down: VectorBlocks(downs))
    return pool
  }

  private static func matrix(_ blocks: [Tensor]) -> Matrix {
    .rowsOf(
      blocks.map { block in
        Matrix(
          block.view.float64Elements() ?? [], rows: block.shape[0], columns: block.shape[1])
      }, columns: blocks.first?.shape[1] ?? 0)
  }
}
