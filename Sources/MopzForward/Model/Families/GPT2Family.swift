extension ModelDescription.Family {
  /// GPT-2: weights stored `[in, out]`, embedded positions, a tied head.
  static let gpt2 = Self(modelTypes: ["gpt2"]) { (config) throws(ForwardError) in
    try GPT2(config).described()
  }
}

private struct GPT2 {
  let config: ModelConfig
  let prefix: String
  let size: Int
  let innerSize: Int
  let headCount: Int
  let activation: Activation

  init(_ config: ModelConfig) throws(ForwardError) {
    self.config = config
    prefix = try config.prefix("transformer.", "", probe: "wte.weight")
    size = try config.size("n_embd", "hidden_size")
    innerSize = try config.size("n_inner", default: 4 * size)
    headCount = try config.size("n_head", "num_attention_heads")
    guard size % headCount == 0 else {
      throw .config(member: "n_head", expected: "a divisor of n_embd")
    }
    activation = try config.activation("activation_function", default: "gelu_new")
    try config.require("add_cross_attention", false)
  }

  private func norm(_ name: String) throws(ForwardError) -> ModelDescription.Norm {
    .init(
      kind: .layer, weight: name + ".weight", bias: name + ".bias",
      epsilon: Float(try config.number("layer_norm_epsilon", default: 1e-5)))
  }

  private func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> ModelDescription.Linear {
    .init(
      weight: name + ".weight", bias: name + ".bias", inFeatures: inputs, outFeatures: outputs,
      isTransposed: true)
  }

  private func block(_ index: Int) throws(ForwardError) -> ModelDescription.Block {
    let place = "\(prefix)h.\(index)."
    let headSize = size / headCount
    let isScaled = try config.flag("scale_attn_weights", default: true)
    var scale = isScaled ? 1 / Float(headSize).squareRoot() : 1
    if try config.flag("scale_attn_by_inverse_layer_idx", default: false) {
      scale /= Float(index + 1)
    }
    return ModelDescription.Block(
      attention: .init(
        inputs: [linear(place + "attn.c_attn", size, 3 * size)],
        output: linear(place + "attn.c_proj", size, size),
        headCount: headCount, keyHeadCount: headCount, headSize: headSize, scale: scale),
      attentionNorms: .init(input: try norm(place + "ln_1")),
      mlp: .init(
        inputs: [linear(place + "mlp.c_fc", size, innerSize)], activation: activation,
        output: linear(place + "mlp.c_proj", innerSize, size)),
      mlpNorms: .init(input: try norm(place + "ln_2")))
  }

  func described() throws(ForwardError) -> ModelDescription {
    let vocabularySize = try config.size("vocab_size")
    let positionCount = try config.size("n_positions", "n_ctx", "max_position_embeddings")
    var blocks: [ModelDescription.Block] = []
    for index in 0..<(try config.size("n_layer", max: ModelConfig.layerCountMax)) {
      blocks.append(try block(index))
    }
    let tokens = prefix + "wte.weight"
    let isTied = try config.flag("tie_word_embeddings", default: true)
    let head = ModelDescription.Linear(
      weight: "lm_head.weight", inFeatures: size, outFeatures: vocabularySize,
      tiedTo: isTied ? tokens : nil)
    return ModelDescription(
      modelType: "gpt2", hiddenSize: size, vocabularySize: vocabularySize,
      positionCountMax: positionCount, isCausal: true,
      embeddings: .init(
        tokens: tokens, positions: prefix + "wpe.weight", positionCount: positionCount),
      blocks: blocks, finalNorm: try norm(prefix + "ln_f"),
      head: config.architecture(hasSuffix: "LMHeadModel")
        ? .vocabulary(head, softcap: nil) : .hiddenStates)
  }
}
