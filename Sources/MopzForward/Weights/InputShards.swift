import MopzAdapters
import MopzBytes
import MopzTensors

/// Where the vectors of a factor come from, so that what several terms take from one place
/// is recognised.
///
/// Two factors whose shards have one key have the same shard; shards of different keys may
/// be equal all the same.
struct InputShards: Hashable, Sendable {
  /// A row or column of a block that lies somewhere in memory.
  struct Key: Hashable, Sendable {
    let block: Bytes.Place
    let axis: PoolRange.Axis
    let number: Int
  }

  /// The elements of a shard; the last of a vector may be cut.
  let length: Int
  let chunkCount: Int
  /// Vector by vector, and within one chunk by chunk; nil for zeros.
  let keys: [Key?]

  /// The shards of a factor; nil if they are mixed.
  init?(ofFactor index: Int, in adapter: Adapter) {
    let factor = adapter.factors[index]
    let pool = adapter.pools[factor.pool]
    guard factor.mixing == .none,
      let routes = try? FactorRoutes(
        factor, vectorCount: pool.vectorCount, blocks: adapter.blocks)
    else { return nil }
    var keys: [Key?] = []
    keys.reserveCapacity(factor.rank * factor.chunkCount)
    for vector in 0..<factor.rank {
      for chunk in 0..<factor.chunkCount {
        guard let route = routes.routes(vector: vector, chunk: chunk).first,
          let (range, number) = pool.place(ofVector: route.vector)
        else {
          keys.append(nil)
          continue
        }
        keys.append(
          Key(block: adapter.blocks[range.block].bytes.place, axis: range.axis, number: number))
      }
    }
    length = pool.shardLength
    chunkCount = factor.chunkCount
    self.keys = keys
  }
}
