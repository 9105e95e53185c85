import MopzAdapters
import MopzBytes
import MopzTensors

/// Factors, magnitudes and biases on B.
extension PEFTAssembly {
  /// ΔW of one module, with its magnitude and its bias.
  mutating func addLowRank(of module: PEFTModule) throws(Refusal) {
    let isEmbedding = module[.embeddingDown] != nil || module[.embeddingUp] != nil
    guard let pair = try pair(of: module, isEmbedding: isEmbedding) else {
      for role in [PEFTKey.Role.upBias, .magnitude] {
        guard let tensor = module[role] else { continue }
        throw builder.refusal(
          .pair, tensor: tensor, "the module \(module.path.quoted) has no lora_A and lora_B")
      }
      return
    }
    if isEmbedding, let other = module[.down] ?? module[.up] {
      throw builder.refusal(
        .pair, tensor: other, "the module has factors of an embedding and of a linear layer")
    }
    let scaling = try scaling(of: module, rank: pair.rank, tensor: pair.down)
    try checkMagnitude(of: module, pair: pair)
    var target = TargetUpdate(
      module: module.path, parameter: module.isPackedAttention ? "in_proj_weight" : "weight",
      layout: layout(of: pair, isEmbedding: isEmbedding), kind: .additive,
      terms: [try pair.term(scaling: scaling, in: &builder)])
    if let magnitude = module[.magnitude] {
      target.kind = .magnitude
      target.operands = [try builder.operand(.magnitude, tensor: magnitude)]
      hasMagnitude = true
    }
    builder.add(target)
    if let bias = module[.upBias] {
      try addBias(bias, of: module, pair: pair, scaling: scaling)
    }
  }

  private func pair(
    of module: PEFTModule, isEmbedding: Bool
  ) throws(Refusal) -> LowRankPair? {
    let down = module[isEmbedding ? .embeddingDown : .down]
    let up = module[isEmbedding ? .embeddingUp : .up]
    switch (down, up) {
    case (nil, nil): return nil
    case (let down?, let up?): return try LowRankPair(down: down, up: up, in: builder)
    case (let down?, nil):
      throw builder.refusal(.pair, tensor: down, "there is no lora_B beside it")
    case (nil, let up?):
      throw builder.refusal(.pair, tensor: up, "there is no lora_A beside it")
    }
  }

  private func layout(of pair: LowRankPair, isEmbedding: Bool) -> Layout {
    if isEmbedding { return .embedding }
    if pair.isConvolution { return .convolution }
    return config?.isFanInFanOut == true ? .transposed : .linear
  }

  private func checkMagnitude(
    of module: PEFTModule, pair: LowRankPair
  ) throws(Refusal) {
    let magnitude = module[.magnitude]
    if let config, config.usesMagnitude, magnitude == nil {
      throw builder.refusal(
        .contradiction, tensor: pair.down,
        "the configuration says use_dora, but the module has no lora_magnitude_vector")
    }
    guard let magnitude else { return }
    if let config, !config.usesMagnitude {
      throw builder.refusal(
        .contradiction, tensor: magnitude,
        "is a magnitude, but the configuration does not say use_dora")
    }
    if let bias = module[.upBias] {
      throw builder.refusal(
        .contradiction, tensor: bias, "a bias on lora_B cannot go with a magnitude")
    }
    try pair.checkMagnitude(magnitude, in: builder)
  }

  /// The bias of B adds to the base's: `b' = b + scaling · bias`.
  private mutating func addBias(
    _ bias: Int, of module: PEFTModule, pair: LowRankPair, scaling: Double
  ) throws(Refusal) {
    let info = builder.info(bias)
    guard info.shape.dimensions == [pair.outFeatures], LowRankPair.isFactorType(info.dtype) else {
      throw builder.refusal(
        .shape, tensor: bias,
        "is \(info.dtype.code) of shape \(info.shape), expected one number for each of the "
          + "\(pair.outFeatures) outputs")
    }
    builder.add(
      TargetUpdate(
        module: module.path, parameter: module.isPackedAttention ? "in_proj_bias" : "bias",
        layout: .whole, kind: .denseDelta, operands: [try builder.operand(.value, tensor: bias)],
        scalars: [Scalar(role: .scaling, value: scaling)]))
  }
}
