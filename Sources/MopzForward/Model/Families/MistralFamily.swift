extension ModelDescription.Family {
  /// Mistral: every layer has the window, if there is one.
  static let mistral = Self(modelTypes: ["mistral"]) { (config) throws(ForwardError) in
    var decoder = try RotaryDecoder(config)
    let window = try config.optionalSize(["sliding_window"])
    decoder.window = { _ in window }
    return try decoder.described()
  }
}
