import MopzAdapters
import MopzBytes
import MopzTensors

/// Turns the tensors of a PEFT LoRA into updates, module by module.
struct PEFTAssembly {
  /// Where the multiplier of a module comes from.
  enum ScalingSource {
    /// The configuration.
    case config
    /// Tensors called `X.alpha`, by module; where there is none, alpha is the rank.
    case alphaTensors
    /// Nothing says it: alpha is taken to be the rank.
    case assumed
  }

  var builder: AdapterBuilder
  let config: PEFTConfig?
  private let scaling: ScalingSource
  private let modules: [PEFTModule]
  private var hasMagnitude = false
  private var ambiguousModules: [String] = []

  /// Sorts the tensors by module.
  ///
  /// - Parameters:
  ///   - config: What the configuration says; nil where there is none.
  ///   - component: A component that all names begin with and no module path has.
  init(
    _ contents: AdapterContents, config: PEFTConfig?, scaling: ScalingSource,
    component: String? = nil
  ) throws(Refusal) {
    builder = AdapterBuilder(contents, kind: .lora)
    self.config = config
    self.scaling = scaling
    modules = try PEFTModule.modules(of: builder, droppingComponent: component)
  }

  /// The adapter in canonical form.
  consuming func imported() throws(Refusal) -> ImportedAdapter {
    guard !modules.contains(where: { isGrouped($0) }) else {
      builder.setKind(AdapterKind(rawValue: "lora-grouped-convolution"))
      return try builder.finishOpaque()
    }
    for module in modules {
      for copy in module.originals { try builder.assign(copy, .redundant) }
      let rest = try takeAlpha(of: module)
      try addReplacements(rest, of: module)
      try addTokenRows(of: module)
      try addLowRank(of: module)
    }
    noteCopies()
    if !ambiguousModules.isEmpty {
      builder.note(
        .warning, .scaling,
        "several alpha_pattern keys match \(ambiguousModules.count) modules, such as "
          + "\(ambiguousModules[0].quoted), and the file's order need not be the one of training; "
          + "the first in the file is used")
    }
    if hasMagnitude { builder.setKind(.dora) }
    return try builder.finish()
  }

  private func isGrouped(_ module: PEFTModule) -> Bool {
    guard let down = module[.down], let up = module[.up] else { return false }
    let pair = try? LowRankPair(down: down, up: up, in: builder)
    return pair?.isGrouped == true
  }

  private mutating func noteCopies() {
    let copies = modules.reduce(0) { $0 + $1.originals.count }
    guard copies > 0 else { return }
    builder.note(
      .note, .coverage,
      "\(copies) tensors are the wrapper's copies of the base (original_module) and have no effect")
  }

  // MARK: Factors

  /// ΔW of one module, with its magnitude and its bias.
  private mutating func addLowRank(of module: PEFTModule) throws(Refusal) {
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

  // MARK: Scale

  /// The multiplier of a module, after the tensors' rank was compared with the configuration.
  private mutating func scaling(
    of module: PEFTModule, rank: Int, tensor: Int
  ) throws(Refusal) -> Double {
    guard let config else {
      guard case .alphaTensors = scaling, let alpha = alphas[module.path] else { return 1 }
      return alpha / Double(rank)
    }
    let ranks = config.ranks(of: module.path)
    guard ranks.contains(rank) else {
      throw builder.refusal(
        .rank, tensor: tensor,
        "has rank \(rank), but the configuration says rank "
          + ranks.map(String.init).joined(separator: " or "))
    }
    let candidates = config.alphas(of: module.path)
    if candidates.count > 1 { ambiguousModules.append(module.path) }
    if let alpha = alphas[module.path], alpha != candidates[0] {
      throw builder.refusal(
        .contradiction, tensor: tensor,
        "a tensor says alpha \(alpha) for this module, the configuration \(candidates[0])")
    }
    return config.scaling(alpha: candidates[0], rank: rank)
  }

  /// The alphas that tensors give, by module.
  private var alphas: [String: Double] = [:]

  /// Reads a tensor `X.alpha` of an adapted module.
  ///
  /// - Returns: The replacements that are left.
  private mutating func takeAlpha(
    of module: PEFTModule
  ) throws(Refusal) -> [PEFTModule.Replacement] {
    guard module.isAdapted else { return module.replacements }
    var rest: [PEFTModule.Replacement] = []
    for replacement in module.replacements {
      guard replacement.parameter == "alpha",
        builder.info(replacement.tensor).shape.elementCount == 1
      else {
        rest.append(replacement)
        continue
      }
      alphas[module.path] = try builder.scalar(replacement.tensor)
    }
    return rest
  }

  // MARK: Replaced parameters

  private mutating func addReplacements(
    _ replacements: [PEFTModule.Replacement], of module: PEFTModule
  ) throws(Refusal) {
    var first: [ExactName: Int] = [:]
    // The unwrapped name is the one that PEFT reads; copies under other names come after it.
    let ordered = replacements.sorted { a, b in a.wrapping == .none && b.wrapping != .none }
    for replacement in ordered {
      let parameter = ExactName(replacement.parameter)
      if let earlier = first[parameter] {
        try addCopy(replacement.tensor, of: earlier)
        continue
      }
      first[parameter] = replacement.tensor
      try checkExplained(replacement, of: module)
      builder.add(
        TargetUpdate(
          module: module.path, parameter: replacement.parameter, layout: .whole,
          kind: .replacement,
          operands: [try builder.operand(.value, tensor: replacement.tensor)]))
    }
  }

  private mutating func addCopy(_ tensor: Int, of earlier: Int) throws(Refusal) {
    let a = builder.tensor(tensor)
    let b = builder.tensor(earlier)
    guard a.dtype == b.dtype, a.shape == b.shape, a.bytes.span.hasSameBytes(as: b.bytes.span) else {
      throw builder.refusal(
        .coverage, tensor: tensor,
        "replaces the same parameter as \(builder.info(earlier).name.quoted), with other values")
    }
    try builder.assign(tensor, .redundant)
    builder.note(
      .note, .coverage, tensor: tensor, "is a copy of \(builder.info(earlier).name.quoted)")
  }

  private mutating func checkExplained(
    _ replacement: PEFTModule.Replacement, of module: PEFTModule
  ) throws(Refusal) {
    let last = module.path.split(separator: ".").last.map(String.init) ?? ""
    if module.isAdapted, replacement.parameter == "weight" {
      guard replacement.wrapping == .baseLayer || PEFTConfig.embeddingNames.contains(last) else {
        throw builder.refusal(
          .coverage, tensor: replacement.tensor,
          "replaces the weight of \(module.path.quoted), which lora_A and lora_B change, too")
      }
      builder.note(
        .note, .coverage, tensor: replacement.tensor,
        "replaces the base's weight before the update is added")
    }
    guard let config else {
      builder.note(
        .warning, .coverage, tensor: replacement.tensor,
        "is taken as a replacement of the base's parameter; there is no configuration to say so")
      return
    }
    guard
      config.explainsReplacement(
        module: module.path, parameter: replacement.parameter, wrapping: replacement.wrapping)
    else {
      throw builder.refusal(
        .coverage, tensor: replacement.tensor,
        "is no factor, and neither modules_to_save nor bias nor an embedding of the configuration "
          + "explains it; nothing uses it")
    }
  }

  // MARK: Token rows

  private mutating func addTokenRows(of module: PEFTModule) throws(Refusal) {
    guard let tensor = module[.tokenRows] else { return }
    let info = builder.info(tensor)
    guard let rows = config?.tokenRows(of: module.path) else {
      throw builder.refusal(
        .contradiction, tensor: tensor,
        "holds rows of an embedding, but no trainable_token_indices say which")
    }
    guard info.shape.dimensionCount == 2, info.shape[0] == rows.count else {
      throw builder.refusal(
        .contradiction, tensor: tensor,
        "has shape \(info.shape), but trainable_token_indices name \(rows.count) rows")
    }
    let indices = Bytes(byteCount: rows.count * 8) { span in
      for (index, row) in rows.enumerated() {
        span.storeLittleEndian(Int64(row), toByteOffset: index * 8)
      }
    }
    let block = builder.add(Tensor(dtype: .i64, shape: [rows.count], bytes: indices))
    builder.add(
      TargetUpdate(
        module: module.path, layout: .whole, kind: .rowReplacement,
        operands: [
          try builder.operand(.value, tensor: tensor), Operand(role: .indices, block: block),
        ]))
  }
}
