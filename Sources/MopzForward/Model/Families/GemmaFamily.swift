import MopzBytes

extension ModelDescription.Family {
  /// Gemma 2: norms of `1 + weight` on both sides, capped scores and logits, a window in
  /// every other layer.
  static let gemma2 = Self(modelTypes: ["gemma2"]) { (config) throws(ForwardError) in
    var decoder = try RotaryDecoder(config, isTied: true)
    guard config.members["use_bidirectional_attention"]?.boolValue != true else {
      throw .unsupported(member: "use_bidirectional_attention", found: "true")
    }
    decoder.inputBias = try config.flag("attention_bias", default: false)
    decoder.outputBias = decoder.inputBias
    decoder.activation = try config.activation(
      "hidden_activation", default: "gelu_pytorch_tanh")
    decoder.normOffset = 1
    decoder.hasOutputNorms = true
    decoder.embeddingScale = Float(decoder.hiddenSize).squareRoot()
    let scalar = try config.number("query_pre_attn_scalar", default: 256)
    guard scalar > 0 else {
      throw .config(member: "query_pre_attn_scalar", expected: "a number above 0")
    }
    decoder.scoreScale = Float(1 / scalar.squareRoot())
    decoder.scoreCap = try config.optionalPositive("attn_logit_softcapping")
    decoder.logitCap = try config.optionalPositive("final_logit_softcapping")
    let window = try config.size("sliding_window", default: 4096)
    decoder.window = decoder.windows(window) { $0 % 2 == 0 }
    return try decoder.described()
  }
}
