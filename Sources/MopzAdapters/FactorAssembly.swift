import MopzBytes
public import MopzTensors

extension Adapter {
  /// A factor as the tensor of a source holds it: A `[rank, width]`, B `[width, rank]`,
  /// every element a bit-by-bit copy, the zero shard all bits zero.
  ///
  /// A factor that is one whole block gives that block's bytes, without a copy.
  ///
  /// - Parameter index: The factor's index in ``factors``.
  /// - Throws: ``FactorError``; `.malformed` for a factor that is mixed, or whose pool has
  ///   blocks of several types: its elements are no copies.
  /// - Complexity: O(rank · width), and of the blocks whose columns are used.
  /// - Specification: §8.6 of `spec/mopz.md`.
  public func assembledFactor(_ index: Int) throws(FactorError) -> Tensor {
    guard factors.indices.contains(index), pools.indices.contains(factors[index].pool) else {
      throw .malformed
    }
    let factor = factors[index]
    if let block = wholeBlock(ofFactor: index) {
      let matrix: Shape =
        factor.side == .down ? [factor.rank, factor.width] : [factor.width, factor.rank]
      return Tensor(dtype: blocks[block].dtype, shape: matrix, bytes: blocks[block].bytes)
    }
    return try FactorAssembly(factor, pool: pools[factor.pool], blocks: blocks).tensor
  }

  /// The block that a factor is, as a whole and in the order of a source tensor; nil for a
  /// factor that is put together.
  ///
  /// - Precondition: The factor exists.
  public func wholeBlock(ofFactor index: Int) -> Int? {
    let factor = factors[index]
    guard factor.indices == .identity, factor.mixing == .none, factor.chunkCount == 1,
      pools.indices.contains(factor.pool), pools[factor.pool].ranges.count == 1,
      pools[factor.pool].shardLength == factor.width
    else { return nil }
    let range = pools[factor.pool].ranges[0]
    guard blocks.indices.contains(range.block) else { return nil }
    let (rows, columns) = blocks[range.block].shape.matrix
    let isWhole =
      switch (factor.side, range.axis) {
      case (.down, .rows): rows == factor.rank && columns == factor.width
      case (.up, .columns): columns == factor.rank && rows == factor.width
      default: false
      }
    return isWhole && range.first == 0 && range.count == factor.rank ? range.block : nil
  }
}

/// A factor without mixing, copied from its pool bit by bit.
///
/// - Specification: §8.6 of `spec/mopz.md`.
public struct FactorAssembly {
  /// The element type of the pool's blocks.
  public let dtype: DType
  private let factor: Factor
  private let vectors: Bytes

  /// Copies the vectors that the router of a factor names.
  ///
  /// - Parameter blocks: At least those that factor and pool index.
  /// - Throws: ``FactorError``; `.malformed` if the factor is mixed, or the pool's blocks
  ///   have several types.
  /// - Complexity: O(rank · width), and of the blocks whose columns are used.
  public init(_ factor: Factor, pool: Pool, blocks: [Tensor]) throws(FactorError) {
    guard factor.mixing == .none, factor.rank >= 0, factor.width >= 0,
      FactorExpansion.isWidthSound(factor, shardLength: pool.shardLength),
      let first = pool.ranges.first, blocks.indices.contains(first.block)
    else { throw .malformed }
    let dtype = blocks[first.block].dtype
    let shards = try PoolVectors(pool, blocks: blocks, dtype: dtype)
    let routes = try FactorRoutes(factor, vectorCount: pool.vectorCount, blocks: blocks)
    let width = dtype.bitCount / 8
    let shardBytes = pool.shardLength * width
    let rowBytes = factor.width * width
    let (count, overflow) = factor.rank.multipliedReportingOverflow(by: factor.width)
    guard !overflow, count <= FactorExpansion.elementCountMax else { throw .malformed }
    vectors = Bytes(byteCount: count * width) { target in
      for vector in 0..<factor.rank {
        for chunk in 0..<factor.chunkCount {
          guard let route = routes.routes(vector: vector, chunk: chunk).first else { continue }
          let start = chunk * shardBytes
          shards.copy(
            route.vector, byteCount: min(shardBytes, rowBytes - start), to: &target,
            at: vector * rowBytes + start)
        }
      }
    }
    self.dtype = dtype
    self.factor = factor
  }

  /// The factor in the order of a source tensor: A `[rank, width]`, B `[width, rank]`.
  public var tensor: Tensor {
    switch factor.side {
    case .down: Tensor(dtype: dtype, shape: [factor.rank, factor.width], bytes: vectors)
    case .up:
      Tensor(
        dtype: dtype, shape: [factor.width, factor.rank],
        bytes: vectors.transposed(
          rows: factor.rank, columns: factor.width, elementByteCount: dtype.bitCount / 8))
    }
  }
}

/// The vectors of a pool as bytes, one after the other in each range.
struct PoolVectors {
  private let vectorByteCount: Int
  /// The vectors of each range; blocks whose columns are used have been transposed.
  private let parts: [Bytes]
  /// The number of the first vector of each range.
  private let starts: [Int]

  init(_ pool: Pool, blocks: [Tensor], dtype: DType) throws(FactorError) {
    guard dtype.isReal, pool.shardLength >= 1 else { throw .unsupportedType(dtype) }
    let vectorByteCount = pool.shardLength * dtype.bitCount / 8
    var transposed: [Int: Bytes] = [:]
    var parts: [Bytes] = []
    var starts: [Int] = []
    var total = 0
    for range in pool.ranges {
      guard blocks.indices.contains(range.block), blocks[range.block].dtype == dtype else {
        throw .malformed
      }
      let block = blocks[range.block]
      let (rows, columns) = block.shape.matrix
      let (along, length) = range.axis == .rows ? (rows, columns) : (columns, rows)
      let (end, overflow) = range.first.addingReportingOverflow(range.count)
      guard range.first >= 0, range.count >= 0, !overflow, end <= along,
        length == pool.shardLength
      else { throw .malformed }
      var bytes = block.bytes
      if range.axis == .columns {
        bytes =
          transposed[range.block]
          ?? bytes.transposed(rows: rows, columns: columns, elementByteCount: dtype.bitCount / 8)
        transposed[range.block] = bytes
      }
      parts.append(bytes.slice(range.first * vectorByteCount..<end * vectorByteCount))
      starts.append(total)
      total += range.count
    }
    self.vectorByteCount = vectorByteCount
    self.parts = parts
    self.starts = starts
  }

  /// Copies the front of a vector.
  func copy(_ vector: Int, byteCount: Int, to target: inout MutableRawSpan, at offset: Int) {
    guard let part = starts.lastIndex(where: { $0 <= vector }) else { return }
    let start = (vector - starts[part]) * vectorByteCount
    let bytes = parts[part].slice(start..<start + byteCount)
    target.copy(from: bytes.span, at: offset)
  }
}
