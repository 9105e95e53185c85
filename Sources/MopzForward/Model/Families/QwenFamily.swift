import MopzBytes

extension ModelDescription.Family {
  /// Qwen2: biases of queries, keys and values.
  static let qwen2 = Self(modelTypes: ["qwen2"]) { (config) throws(ForwardError) in
    var decoder = try RotaryDecoder(config)
    decoder.inputBias = true
    decoder.window = try qwenWindows(decoder)
    return try decoder.described()
  }

  /// Qwen3: norms of every query and key.
  static let qwen3 = Self(modelTypes: ["qwen3"]) { (config) throws(ForwardError) in
    var decoder = try RotaryDecoder(config)
    decoder.inputBias = try config.flag("attention_bias", default: false)
    decoder.outputBias = decoder.inputBias
    decoder.hasHeadNorms = true
    decoder.window = try qwenWindows(decoder)
    return try decoder.described()
  }

  /// The window is used only if the configuration says so, from a layer on.
  private static func qwenWindows(_ decoder: RotaryDecoder) throws(ForwardError) -> (Int) -> Int? {
    let config = decoder.config
    guard try config.flag("use_sliding_window", default: false) else { return { _ in nil } }
    let first = config.members["max_window_layers"]?.intValue ?? 28
    return decoder.windows(try config.size("sliding_window", default: 4096)) { $0 >= first }
  }
}
