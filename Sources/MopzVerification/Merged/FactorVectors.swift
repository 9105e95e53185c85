import MopzAdapters
import MopzTensors

/// The vectors of a factor, one after the other, read and summed by the definition:
/// vector j is the concatenation, over the chunk position c, of `Σ_k w[j, c, k] ·
/// pool[I[j, c, k]]`, cut to the factor's width.
///
/// The tables are those of ``FactorRoutes``; the numbers are read and added here.
///
/// - Specification: §8.2 to §8.4 of `spec/mopz.md`.
enum FactorVectors {
  /// What is wrong with a table, in words; the caller knows whose it is.
  struct Flaw: Error { let reason: String }

  /// The vectors of a factor of an adapter, shape `[rank, width]`.
  static func elements(of index: Int, in adapter: Adapter) throws(Flaw) -> [Double] {
    let factor = adapter.factors[index]
    let pool = adapter.pools[factor.pool]
    var vectors: [[Double]] = []
    for range in pool.ranges {
      vectors += try Self.vectors(of: range, in: adapter, length: pool.shardLength)
    }
    guard factor.chunkCount * pool.shardLength >= factor.width else {
      throw Flaw(reason: "its chunks do not fill a width of \(factor.width)")
    }
    let routes: FactorRoutes
    do throws(FactorError) {
      routes = try FactorRoutes(factor, vectorCount: vectors.count, blocks: adapter.blocks)
    } catch { throw Flaw(reason: error.description) }
    var result = [Double](repeating: 0, count: factor.rank * factor.width)
    for j in 0..<factor.rank {
      for c in 0..<factor.chunkCount {
        let start = c * pool.shardLength
        let target = j * factor.width + start
        let length = max(0, min(pool.shardLength, factor.width - start))
        for route in routes.routes(vector: j, chunk: c) {
          let vector = vectors[route.vector]
          for i in 0..<length { result[target + i] += route.weight * vector[i] }
        }
      }
    }
    return result
  }

  private static func vectors(
    of range: PoolRange, in adapter: Adapter, length: Int
  ) throws(Flaw) -> [[Double]] {
    let tensor = adapter.blocks[range.block]
    let (rows, columns) = tensor.shape.matrix
    let isRows = range.axis == .rows
    let available = (count: isRows ? rows : columns, length: isRows ? columns : rows)
    guard available.length == length, range.first >= 0, range.count >= 0,
      range.first <= available.count - range.count,
      let values = StoredElements.all(of: tensor)
    else {
      throw Flaw(reason: "block \(range.block) of shape \(tensor.shape) does not fit its pool")
    }
    return (range.first..<range.first + range.count).map { n in
      switch range.axis {
      case .rows: Array(values[n * columns..<(n + 1) * columns])
      case .columns: (0..<rows).map { values[$0 * columns + n] }
      }
    }
  }
}
