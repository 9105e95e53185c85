extension ModelDescription.Family {
  /// Llama 1 to 3, and what shares its class.
  static let llama = Self(modelTypes: ["llama"]) { (config) throws(ForwardError) in
    var decoder = try RotaryDecoder(config)
    decoder.inputBias = try config.flag("attention_bias", default: false)
    decoder.outputBias = decoder.inputBias
    decoder.mlpBias = try config.flag("mlp_bias", default: false)
    return try decoder.described()
  }
}
