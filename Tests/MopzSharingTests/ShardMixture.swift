import MopzTensors
import MopzTestSupport

/// Dense LoRA of a mixture of shards: for each projection one pool for all layers; every
/// module takes public shards at random and private ones of its own, A and B independently.
struct ShardMixture {
  var dtype = DType.f32
  var layerCount = 6
  var inFeatures = 192
  var outFeatures = 256
  /// e: the rank of a plain LoRA with as many parameters.
  var equivalentRank = 3
  /// p: how many ranks belong to a layer alone.
  var privateRank = 1
  /// r: the rank of every module.
  var rank = 6
  /// l: the shards of a vector.
  var chunkCount = 2

  /// The numbers of the shards of each layer, drawn as the trainer does.
  func masks(_ generator: inout SeededGenerator) -> [[Int]] {
    let publicCount = (equivalentRank - privateRank) * layerCount * chunkCount
    return (0..<layerCount).map { layer in
      let all = Array(0..<publicCount).shuffled(using: &generator)
      let first = publicCount + layer * privateRank * chunkCount
      return all.prefix((rank - privateRank) * chunkCount)
        + Array(first..<first + privateRank * chunkCount)
    }
  }

  /// Vectors of all layers from one pool.
  private func vectors(
    _ pool: [[UInt8]], _ masks: [[Int]]
  ) -> [[[UInt8]]] {
    masks.map { mask in
      (0..<rank).map { j in
        (0..<chunkCount).flatMap { c in pool[mask[j * chunkCount + c]] }
      }
    }
  }

  struct Drawn {
    var file: DenseFile
    var downMasks: [[Int]]
    var upMasks: [[Int]]
  }

  /// A task; `poolSeed` decides the shards, `maskSeed` who takes which.
  func drawn(_ name: String, poolSeed: UInt64, maskSeed: UInt64) -> Drawn {
    let count = equivalentRank * layerCount * chunkCount
    var elements = ElementSource(dtype, seed: poolSeed)
    let poolA = elements.vectors(count, of: inFeatures / chunkCount)
    let poolB = elements.vectors(count, of: outFeatures / chunkCount)
    var generator = SeededGenerator(seed: maskSeed)
    let downMasks = masks(&generator)
    let upMasks = masks(&generator)
    var file = DenseFile(name)
    for (layer, (down, up)) in zip(vectors(poolA, downMasks), vectors(poolB, upMasks)).enumerated()
    {
      file.addPair("model.layers.\(layer).self_attn.q_proj", dtype, down: down, up: up)
    }
    return Drawn(file: file, downMasks: downMasks, upMasks: upMasks)
  }

  /// The shards that two masks or more name, and those that one does.
  static func counts(_ masks: [[Int]]) -> (public: Int, private: Int) {
    var uses: [Int: Int] = [:]
    for mask in masks { for shard in Set(mask) { uses[shard, default: 0] += 1 } }
    return (uses.values.count { $0 > 1 }, uses.values.count { $0 == 1 })
  }
}
