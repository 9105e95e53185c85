/// What a configuration says of one module.
extension PEFTConfig {
  /// The ranks that a module may have.
  ///
  /// PEFT takes the first pattern that matches, in the order of training; the file's
  /// order is alphabetical. So any pattern that matches may have been the first.
  func ranks(of module: String) -> [Int] {
    let matching = rankOverrides.filter { $0.pattern.matches(module) }.map(\.value)
    return matching.isEmpty ? [rank] : matching
  }

  /// The alphas that a module may have, the file's first one first, without repeats.
  func alphas(of module: String) -> [Double] {
    var alphas: [Double] = []
    for override in alphaOverrides where override.pattern.matches(module) {
      if !alphas.contains(override.value) { alphas.append(override.value) }
    }
    return alphas.isEmpty ? [alpha] : alphas
  }

  /// The most steps that comparing all patterns with all modules may take; thousands of
  /// modules with a pattern each need a fraction of it.
  static let patternStepCountMax = 1e10

  /// Whether comparing all patterns with all modules is bounded work.
  func canMatch(modulePaths: some Sequence<String>) -> Bool {
    var count = 0
    var byteCount = 0
    for path in modulePaths {
      count += 1
      byteCount += path.utf8.count
    }
    let patterns = rankOverrides.map(\.pattern) + alphaOverrides.map(\.pattern)
    let steps = patterns.reduce(0.0) {
      $0 + $1.stepCount(pathCount: count, pathByteCount: byteCount)
    }
    return steps <= Self.patternStepCountMax
  }

  /// The multiplier `α/r`, or `α/√r` where ranks are stabilised.
  func scaling(alpha: Double, rank: Int) -> Double {
    alpha / (isRankStabilised ? Double(rank).squareRoot() : Double(rank))
  }

  /// The rows of the base that a tensor of trained rows replaces, or nil.
  func tokenRows(of module: String) -> [Int]? {
    switch tokenIndices {
    case .none: nil
    case .inputEmbedding(let rows): rows
    case .byModule(let rows):
      rows[module]
        ?? rows.filter { module.hasSuffix(".\($0.key)") }.max { $0.key.count < $1.key.count }?.value
    }
  }

  /// Whether the configuration explains that a parameter of the base is in the file.
  ///
  /// PEFT would load any tensor whose name the base has; one that nothing explains
  /// is as likely a mistake, and is refused.
  func explainsReplacement(module: String, parameter: String, wrapping: PEFTKey.Wrapping) -> Bool {
    // A wrapper's own parameters are read by PEFT whatever the configuration says.
    if wrapping != .none { return true }
    if parameter == "bias" && bias != .none { return true }
    if parameter.hasSuffix("bias") && bias == .all { return true }
    let path = module.isEmpty ? parameter : module
    if replacedModules.contains(where: { Self.names(path, $0) }) { return true }
    let last = path.split(separator: ".").last.map(String.init) ?? path
    return parameter == "weight" && Self.embeddingNames.contains(last)
  }

  /// Whether a name of `modules_to_save` means a path or something within it.
  private static func names(_ path: String, _ name: String) -> Bool {
    path == name || path.hasSuffix("." + name) || path.hasPrefix(name + ".")
      || path.contains("." + name + ".")
  }

  /// How models call their embeddings and output heads, which PEFT saves whole when
  /// they are adapted or the vocabulary was resized.
  static let embeddingNames: Set = [
    "embed_tokens", "lm_head", "wte", "word_embeddings", "tok_embeddings", "embed_in", "embed_out",
    "shared", "embeddings", "output", "decoder", "embedding", "output_layer", "embed",
  ]
}
