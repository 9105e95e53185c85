import MopzAdapters
import MopzTensors

extension Adapter {
  /// Whether some source tensor is put together from a pool.
  var hasAssembledTensors: Bool {
    sourceTensors.contains {
      if case .factor = $0.content { true } else { false }
    }
  }

  /// The adapter as an importer would give it: every source tensor a block of its own.
  ///
  /// - Throws: ``FactorError`` if a table is unsound.
  /// - Complexity: O(bytes of the assembled tensors), and as much memory.
  func withDenseFactors() throws(FactorError) -> Adapter {
    var result = self
    for (index, tensor) in sourceTensors.enumerated() {
      guard case .factor(let factor) = tensor.content else { continue }
      let dense = try assembledFactor(factor)
      result.blocks.append(
        Tensor(dtype: tensor.dtype, shape: tensor.shape, bytes: dense.bytes))
      let block = result.blocks.count - 1
      let (rank, width) = (factors[factor].rank, factors[factor].width)
      let axis: PoolRange.Axis = factors[factor].side == .down ? .rows : .columns
      result.pools.append(
        Pool(
          shardLength: width, ranges: [PoolRange(block: block, axis: axis, first: 0, count: rank)])
      )
      result.factors[factor] = Factor(
        side: factors[factor].side, rank: rank, width: width, pool: result.pools.count - 1)
      result.sourceTensors[index].content = .block(block)
    }
    result.keepUsedPools()
    return result
  }

  /// Takes factors from a pool.
  mutating func use(_ part: PoolAssembly.Part, _ factors: [SharableFactor]) {
    let firstBlock = blocks.count
    blocks += part.blocks
    var pool = part.pool
    for index in pool.ranges.indices { pool.ranges[index].block += firstBlock }
    pools.append(pool)
    let vectorCount = pool.vectorCount
    for (member, table) in part.tables.sorted(by: { $0.key < $1.key }) {
      let place = factors[member]
      self.factors[place.factor].pool = pools.count - 1
      self.factors[place.factor].chunkCount = table.chunkCount
      if table.isIdentity {
        self.factors[place.factor].indices = .identity
      } else if let rule = table.affineRule(vectorCount: vectorCount) {
        self.factors[place.factor].indices = rule
      } else {
        blocks.append(table.block(vectorCount: vectorCount))
        self.factors[place.factor].indices = .explicit(block: blocks.count - 1)
      }
      sourceTensors[place.tensor].content = .factor(place.factor)
    }
  }

  /// Drops the pools that no factor uses; the others are in the order of first use.
  mutating func keepUsedPools() {
    var places: [Int: Int] = [:]
    var kept: [Pool] = []
    for index in factors.indices {
      let pool = factors[index].pool
      let place = places[pool, default: kept.count]
      if place == kept.count {
        places[pool] = place
        kept.append(pools[pool])
      }
      factors[index].pool = place
    }
    pools = kept
  }
}
