import MopzBytes

extension ModelDescription.Family {
  /// BERT: embedded positions and token types, norms after each sum, a pooler.
  static let bert = Self(modelTypes: ["bert"]) { (config) throws(ForwardError) in
    let encoder = try BERTEncoder(config, prefix: "bert.")
    return try encoder.described(headLayers: [
      (encoder.prefix + "pooler.dense", .tanh), ("classifier", .identity),
    ])
  }

  /// RoBERTa: as BERT, but positions are counted from the padding id, and the head is its own.
  static let roberta = Self(modelTypes: ["roberta", "xlm-roberta", "camembert"]) {
    (config) throws(ForwardError) in
    var encoder = try BERTEncoder(config, prefix: "roberta.")
    encoder.numbering = .afterPadding(id: config.members["pad_token_id"]?.intValue ?? 1)
    return try encoder.described(headLayers: [
      ("classifier.dense", .tanh), ("classifier.out_proj", .identity),
    ])
  }
}

private struct BERTEncoder {
  let config: ModelConfig
  let prefix: String
  let size: Int
  let innerSize: Int
  let headCount: Int
  let activation: Activation
  var numbering = ModelDescription.Embeddings.Numbering.sequential

  init(_ config: ModelConfig, prefix: String) throws(ForwardError) {
    self.config = config
    self.prefix = try config.prefix(prefix, "", probe: "embeddings.word_embeddings.weight")
    size = try config.size("hidden_size")
    innerSize = try config.size("intermediate_size")
    headCount = try config.size("num_attention_heads")
    guard size % headCount == 0 else {
      throw .config(member: "num_attention_heads", expected: "a divisor of hidden_size")
    }
    activation = try config.activation("hidden_act", default: "gelu")
    try config.require("is_decoder", false)
    let kind = config.members["position_embedding_type"]?.stringValue ?? "absolute"
    guard kind == "absolute" else {
      throw .unsupported(member: "position_embedding_type", found: "\"\(kind)\"")
    }
  }

  /// The first published checkpoints call weight and bias gamma and beta.
  private func norm(_ name: String) throws(ForwardError) -> ModelDescription.Norm {
    let isOld = config.hasTensor(name + ".gamma") && !config.hasTensor(name + ".weight")
    return .init(
      kind: .layer, weight: name + (isOld ? ".gamma" : ".weight"),
      bias: name + (isOld ? ".beta" : ".bias"),
      epsilon: Float(try config.number("layer_norm_eps", default: 1e-12)))
  }

  private func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> ModelDescription.Linear {
    .init(
      weight: name + ".weight", bias: name + ".bias", inFeatures: inputs, outFeatures: outputs)
  }

  private func block(_ index: Int) throws(ForwardError) -> ModelDescription.Block {
    let place = "\(prefix)encoder.layer.\(index)."
    let headSize = size / headCount
    return ModelDescription.Block(
      attention: .init(
        inputs: ["query", "key", "value"].map {
          linear(place + "attention.self." + $0, size, size)
        },
        output: linear(place + "attention.output.dense", size, size),
        headCount: headCount, keyHeadCount: headCount, headSize: headSize,
        scale: 1 / Float(headSize).squareRoot()),
      attentionNorms: .init(sum: try norm(place + "attention.output.LayerNorm")),
      mlp: .init(
        inputs: [linear(place + "intermediate.dense", size, innerSize)], activation: activation,
        output: linear(place + "output.dense", innerSize, size)),
      mlpNorms: .init(sum: try norm(place + "output.LayerNorm")))
  }

  func described(
    headLayers: [(name: String, activation: Activation)]
  ) throws(ForwardError) -> ModelDescription {
    let vocabularySize = try config.size("vocab_size")
    let positionCount = try config.size("max_position_embeddings")
    var blocks: [ModelDescription.Block] = []
    for index in 0..<(try config.size("num_hidden_layers", max: ModelConfig.layerCountMax)) {
      blocks.append(try block(index))
    }
    var usable = positionCount
    if case .afterPadding(let id) = numbering { usable -= id + 1 }
    let place = prefix + "embeddings."
    return ModelDescription(
      modelType: config.modelType ?? "", hiddenSize: size, vocabularySize: vocabularySize,
      positionCountMax: usable, isCausal: false,
      embeddings: .init(
        tokens: place + "word_embeddings.weight", positions: place + "position_embeddings.weight",
        positionCount: positionCount, numbering: numbering,
        tokenTypes: place + "token_type_embeddings.weight",
        tokenTypeCount: try config.size("type_vocab_size", default: 2),
        norm: try norm(place + "LayerNorm")),
      blocks: blocks,
      head: try config.labelHead(headLayers, hiddenSize: size, linear: linear))
  }
}

extension ModelConfig {
  /// The number of labels: of the names if there are names.
  private func labelCount() throws(ForwardError) -> Int {
    if let names = members["id2label"]?.objectValue { return max(names.count, 1) }
    return try size("num_labels", default: 2)
  }

  /// The head of a class for sequence classification; other classes give hidden states.
  func labelHead(
    _ layers: [(name: String, activation: Activation)], hiddenSize: Int,
    linear: (String, Int, Int) -> ModelDescription.Linear
  ) throws(ForwardError) -> ModelDescription.Head {
    guard architecture(hasSuffix: "ForSequenceClassification") else { return .hiddenStates }
    let count = try labelCount()
    return .labels(
      layers.enumerated().map { index, layer in
        let outputs = index == layers.count - 1 ? count : hiddenSize
        return (linear(layer.name, hiddenSize, outputs), layer.activation)
      })
  }
}
