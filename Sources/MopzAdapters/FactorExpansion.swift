public import MopzTensors

/// A factor as a dense matrix of Float64, vector by vector.
///
/// Without mixing every element is exactly the stored one. With weights the sums
/// are taken in Float64, in the order of the table.
///
///     vector[j] = concat_c( Σ_k w[j, c, k] · pool[I[j, c, k]] )[0 ..< width]
///
/// - Specification: §8.3 and §8.4 of `spec/mopz.md`.
public struct FactorExpansion: Hashable, Sendable {
  /// Which side of the product the factor is.
  public let side: Factor.Side
  /// The number of vectors: rows of A, columns of B.
  public let rank: Int
  /// The length of a vector: `inFeatures` of A, `outFeatures` of B.
  public let width: Int
  /// The vectors one after the other, shape `[rank, width]`: A as it is, B transposed.
  public let elements: [Double]

  /// Element `position` of vector `vector`.
  public subscript(vector: Int, position: Int) -> Double { elements[vector * width + position] }
}

extension Adapter {
  /// Expands a factor to a dense matrix.
  ///
  /// - Parameter index: The factor's index in ``factors``.
  /// - Throws: ``FactorError``.
  /// - Complexity: O(rank · width · mixCount); allocates rank · width Float64, and as
  ///   much as a block whose columns are used.
  public func expansion(ofFactor index: Int) throws(FactorError) -> FactorExpansion {
    guard factors.indices.contains(index), pools.indices.contains(factors[index].pool) else {
      throw .malformed
    }
    let factor = factors[index]
    return try FactorExpansion(factor, pool: pools[factor.pool], blocks: blocks)
  }
}

extension FactorExpansion {
  /// Expands a factor over a pool whose ranges index `blocks`.
  ///
  /// - Throws: ``FactorError``.
  public init(_ factor: Factor, pool: Pool, blocks: [Tensor]) throws(FactorError) {
    guard factor.rank >= 0, factor.width >= 0, factor.mixCount >= 1,
      Self.isWidthSound(factor, shardLength: pool.shardLength)
    else { throw .malformed }
    let routes = try FactorRoutes(factor, vectorCount: pool.vectorCount, blocks: blocks)
    var source = try PoolElements(pool, blocks: blocks)
    let (count, overflow) = factor.rank.multipliedReportingOverflow(by: factor.width)
    guard !overflow, count <= Self.elementCountMax else { throw .malformed }
    var elements = [Double](repeating: 0, count: count)
    var shard = [Double](repeating: 0, count: pool.shardLength)
    for vector in 0..<factor.rank {
      for chunk in 0..<factor.chunkCount {
        let start = chunk * pool.shardLength
        let target = vector * factor.width + start
        let length = min(pool.shardLength, factor.width - start)
        for route in routes.routes(vector: vector, chunk: chunk) {
          try source.copyVector(route.vector, into: &shard)
          for offset in 0..<length {
            elements[target + offset] +=
              route.isPlain ? shard[offset] : route.weight * shard[offset]
          }
        }
      }
    }
    side = factor.side
    rank = factor.rank
    width = factor.width
    self.elements = elements
  }
}

extension FactorExpansion {
  /// The format's limit (LIM-8 of `spec/mopz.md`).
  static let elementCountMax = 1 << 30

  /// Whether a width needs all chunks.
  static func isWidthSound(_ factor: Factor, shardLength: Int) -> Bool {
    guard factor.chunkCount >= 1, shardLength >= 1 else { return false }
    let (most, overflow) = factor.chunkCount.multipliedReportingOverflow(by: shardLength)
    return !overflow && factor.width <= most && factor.width > most - shardLength
  }
}

/// The vectors of a pool as Float64.
struct PoolElements {
  private let pool: Pool
  private let blocks: [Tensor]
  /// Blocks whose columns are used, as a whole.
  private var columns: [Int: [Double]] = [:]

  init(_ pool: Pool, blocks: [Tensor]) throws(FactorError) {
    for range in pool.ranges {
      guard blocks.indices.contains(range.block) else { throw .malformed }
      let matrix = blocks[range.block].shape.matrix
      let (along, length) =
        range.axis == .rows ? (matrix.rows, matrix.columns) : (matrix.columns, matrix.rows)
      let (end, overflow) = range.first.addingReportingOverflow(range.count)
      guard range.first >= 0, range.count >= 0, !overflow, end <= along,
        length == pool.shardLength
      else { throw .malformed }
      guard blocks[range.block].dtype.isReal else {
        throw .unsupportedType(blocks[range.block].dtype)
      }
    }
    self.pool = pool
    self.blocks = blocks
  }

  /// Copies a vector; `target` has the pool's shard length.
  mutating func copyVector(_ vector: Int, into target: inout [Double]) throws(FactorError) {
    guard let (range, position) = pool.place(ofVector: vector) else { throw .malformed }
    let block = blocks[range.block]
    switch range.axis {
    case .rows:
      let start = position * pool.shardLength
      var span = target.mutableSpan
      block.view.copyFloat64(into: &span, elements: start..<(start + pool.shardLength))
    case .columns:
      let count = block.shape.matrix.columns
      if columns[range.block] == nil { columns[range.block] = block.view.float64Elements() }
      guard let elements = columns[range.block] else { throw .unsupportedType(block.dtype) }
      for row in 0..<pool.shardLength { target[row] = elements[row * count + position] }
    }
  }
}

extension Pool {
  /// The range that holds a vector, and the row or column in its block.
  ///
  /// - Complexity: O(number of ranges).
  public func place(ofVector vector: Int) -> (range: PoolRange, position: Int)? {
    guard vector >= 0 else { return nil }
    var rest = vector
    for range in ranges {
      if rest < range.count { return (range, range.first + rest) }
      rest -= range.count
    }
    return nil
  }
}
