import MopzAdapters
import MopzBytes
import MopzDigest
import MopzTensors

/// Which factors are equal as whole blocks, and so are stored once without any sharing.
struct BlockIdentities: Sendable {
  /// The number of the block that a factor is, by the factor's position.
  private(set) var numbers: [Int] = []
  /// The number of factors that are a block.
  private(set) var useCounts: [Int] = []
  /// Whether something else than a factor uses a block, which is then stored anyhow.
  private(set) var isUsedElsewhere: [Bool] = []

  private struct Key: Hashable {
    var dtype: DType
    var shape: Shape
    var digest: Digest128
  }

  /// Hashes all factors, and what else may be equal to one.
  ///
  /// - Complexity: O(bytes).
  init(of factors: [SharableFactor], in adapters: [Adapter], threads: WorkerThreads) {
    let digests = threads.map(factors.count) { Self.key(factors[$0].block) }
    var places: [Key: Int] = [:]
    var forms: Set<Key> = []
    for key in digests {
      let place = places[key, default: useCounts.count]
      if place == useCounts.count {
        places[key] = place
        useCounts.append(0)
        forms.insert(Key(dtype: key.dtype, shape: key.shape, digest: .zero))
      }
      useCounts[place] += 1
      numbers.append(place)
    }
    isUsedElsewhere = Array(repeating: false, count: useCounts.count)
    let others = Self.otherBlocks(of: adapters, besides: factors).filter {
      forms.contains(Key(dtype: $0.dtype, shape: $0.shape, digest: .zero))
    }
    for key in threads.map(others.count, { Self.key(others[$0]) }) {
      if let place = places[key] { isUsedElsewhere[place] = true }
    }
  }

  private static func key(_ tensor: Tensor) -> Key {
    let bytes = tensor.bytes
    return Key(dtype: tensor.dtype, shape: tensor.shape, digest: XXH3.hash128(bytes.span))
  }

  /// The blocks of adapters that are no factor of the list.
  private static func otherBlocks(
    of adapters: [Adapter], besides factors: [SharableFactor]
  ) -> [Tensor] {
    var taken = adapters.map { Array(repeating: false, count: $0.blocks.count) }
    for factor in factors {
      if let block = adapters[factor.task].wholeBlock(ofFactor: factor.factor) {
        taken[factor.task][block] = true
      }
    }
    return adapters.indices.flatMap { task in
      adapters[task].blocks.indices.filter { !taken[task][$0] }.map { adapters[task].blocks[$0] }
    }
  }
}
