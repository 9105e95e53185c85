extension ModelDescription.Family {
  /// DistilBERT: BERT's arithmetic under other names, without token types.
  static let distilBERT = Self(modelTypes: ["distilbert"]) { (config) throws(ForwardError) in
    let prefix = try config.prefix("distilbert.", "", probe: "embeddings.word_embeddings.weight")
    let size = try config.size("dim")
    let innerSize = try config.size("hidden_dim")
    let headCount = try config.size("n_heads")
    guard size % headCount == 0 else {
      throw .config(member: "n_heads", expected: "a divisor of dim")
    }
    func norm(_ name: String) -> ModelDescription.Norm {
      .init(kind: .layer, weight: name + ".weight", bias: name + ".bias", epsilon: 1e-12)
    }
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> ModelDescription.Linear {
      .init(
        weight: name + ".weight", bias: name + ".bias", inFeatures: inputs, outFeatures: outputs)
    }
    let activation = try config.activation("activation", default: "gelu")
    let blocks = (0..<(try config.size("n_layers", max: ModelConfig.layerCountMax))).map { index in
      let place = "\(prefix)transformer.layer.\(index)."
      return ModelDescription.Block(
        attention: .init(
          inputs: ["q_lin", "k_lin", "v_lin"].map { linear(place + "attention." + $0, size, size) },
          output: linear(place + "attention.out_lin", size, size),
          headCount: headCount, keyHeadCount: headCount, headSize: size / headCount,
          scale: 1 / Float(size / headCount).squareRoot()),
        attentionNorms: .init(sum: norm(place + "sa_layer_norm")),
        mlp: .init(
          inputs: [linear(place + "ffn.lin1", size, innerSize)], activation: activation,
          output: linear(place + "ffn.lin2", innerSize, size)),
        mlpNorms: .init(sum: norm(place + "output_layer_norm")))
    }
    let positionCount = try config.size("max_position_embeddings")
    return ModelDescription(
      modelType: "distilbert", hiddenSize: size,
      vocabularySize: try config.size("vocab_size"), positionCountMax: positionCount,
      isCausal: false,
      embeddings: .init(
        tokens: prefix + "embeddings.word_embeddings.weight",
        positions: prefix + "embeddings.position_embeddings.weight", positionCount: positionCount,
        norm: norm(prefix + "embeddings.LayerNorm")),
      blocks: blocks,
      head: try config.labelHead(
        [("pre_classifier", .relu), ("classifier", .identity)], hiddenSize: size, linear: linear))
  }
}
