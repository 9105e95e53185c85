import MopzAdapters
import MopzBytes
import MopzTensors

/// Modules whose vectors are put together from a pool: mixtures of shards (MoS).
extension PEFTAssembly {
  /// The public shards of each module's pools, by projection, as the tables show it.
  func publicShardCounts(_ modules: [PEFTModule]) throws(Refusal) -> [String: Int] {
    var pairs: [String: [ShardedPair]] = [:]
    for module in modules {
      guard let tensors = ShardedPair.Tensors(module) else { continue }
      pairs[ShardPrivacy.projection(of: module.path), default: []].append(
        try ShardedPair(tensors, chunkCount: config?.chunkCount, in: builder))
    }
    var counts: [String: Int] = [:]
    for (projection, pairs) in pairs {
      let shardCounts = Set(pairs.map { builder.info($0.tensors.down).shape[0] })
      guard let count = shardCounts.first, shardCounts.count == 1 else { continue }
      let sides = [pairs.map(\.masks.down), pairs.map(\.masks.up)].map {
        ShardPrivacy.publicCount(
          shardCount: count, masks: $0, chunkCount: pairs[0].chunkCount)
      }
      counts[projection] = sides[0] == sides[1] ? sides[0] : count
    }
    return counts
  }

  /// ΔW of a module with tables of shards.
  mutating func addShards(
    _ tensors: ShardedPair.Tensors, of module: PEFTModule, publicCounts: [String: Int]
  ) throws(Refusal) {
    let pair = try ShardedPair(tensors, chunkCount: config?.chunkCount, in: builder)
    let scaling = try scaling(of: module, rank: pair.rank, tensor: tensors.downShards)
    for role in [PEFTKey.Role.magnitude, .upBias, .embeddingDown, .embeddingUp] {
      guard let tensor = module[role] else { continue }
      throw builder.refusal(
        .pair, tensor: tensor, "cannot go with tables of shards, which the module has")
    }
    hasShards = true
    let publicCount =
      publicCounts[ShardPrivacy.projection(of: module.path)]
      ?? builder.info(tensors.down).shape[0]
    builder.add(
      TargetUpdate(
        module: module.path, layout: config?.isFanInFanOut == true ? .transposed : .linear,
        kind: .additive,
        terms: [try pair.term(scaling: scaling, publicCount: publicCount, in: &builder)]))
  }
}

extension PEFTConfig {
  /// What a configuration makes of a mixture's tables beside the published method, as a
  /// kind's tag; nil for the method as it is.
  static func mixtureTag(_ reader: ConfigReader) throws(Refusal) -> String? {
    let mode = try reader.string("ft_mode")
    var isPlain = mode == nil || mode == "mos"
    for key in ["enable_lora_bias", "enable_lora_rotation", "init2zero_via_vec"] {
      if try reader.flag(key) { isPlain = false }
    }
    for key in ["reduce_lora_A_x", "reduce_lora_B_x"] {
      guard let value = reader.value(key) else { continue }
      if try reader.integer(value, key) != 1 { isPlain = false }
    }
    return isPlain ? nil : "mos-variant"
  }
}
