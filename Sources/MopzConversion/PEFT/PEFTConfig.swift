import MopzBytes

/// What `adapter_config.json` says of a LoRA, as far as it changes what the tensors mean.
///
/// Fields that are missing have PEFT's defaults; fields that are not known are
/// listed, so that a flag of a newer PEFT is not passed over in silence.
struct PEFTConfig: Sendable {
  /// Which biases were trained and replace those of the base.
  enum Bias: String, Hashable, Sendable { case none, all, loraOnly = "lora_only" }

  /// Which rows of which embedding were trained.
  enum TokenIndices: Hashable, Sendable {
    case none
    /// Rows of the input embedding.
    case inputEmbedding([Int])
    /// Rows by module name.
    case byModule([String: [Int]])
  }

  /// A value for the modules that a pattern matches.
  struct Override<Value: Sendable>: Sendable {
    var pattern: ModulePattern
    var value: Value
  }

  var rank: Int
  var alpha: Double
  var rankOverrides: [Override<Int>]
  var alphaOverrides: [Override<Double>]
  var isRankStabilised: Bool
  var usesMagnitude: Bool
  var isFanInFanOut: Bool
  var bias: Bias
  var replacedModules: [String]
  var targetModules: [String]
  var tokenIndices: TokenIndices
  /// The shards of a vector, where vectors are put together from shards.
  var chunkCount: Int?
  /// Why the tensors alone are no change of the stock base's weights, as a kind's tag.
  var unmergeableTag: String?
  /// Keys that say something and that this version does not know.
  var unknownKeys: [String]

  /// Reads the fields of a configuration whose `peft_type` is `LORA`.
  ///
  /// - Throws: ``Refusal`` naming the field.
  init(_ reader: ConfigReader) throws(Refusal) {
    rank = try Self.rank(
      reader, key: "r", value: reader.value("r"), isPresent: reader.isPresent("r"))
    alpha = try Self.alpha(reader)
    rankOverrides = []
    alphaOverrides = []
    for (pattern, value) in try Self.patterns(reader, "rank_pattern") {
      let key = "rank_pattern[\(pattern.source.quoted)]"
      rankOverrides.append(
        Override(
          pattern: pattern,
          value: try Self.rank(reader, key: key, value: value, isPresent: true)))
    }
    for (pattern, value) in try Self.patterns(reader, "alpha_pattern") {
      let key = "alpha_pattern[\(pattern.source.quoted)]"
      alphaOverrides.append(Override(pattern: pattern, value: try reader.number(value, key)))
    }
    isRankStabilised = try reader.flag("use_rslora")
    usesMagnitude = try reader.flag("use_dora")
    isFanInFanOut = try reader.flag("fan_in_fan_out")
    bias = try Self.bias(reader)
    replacedModules = try reader.strings("modules_to_save")
    targetModules = try reader.strings("target_modules")
    tokenIndices = try Self.tokenIndices(reader)
    chunkCount = try Self.chunkCount(reader)
    unmergeableTag = try Self.unmergeableTag(reader)
    unknownKeys = reader.keysInUse.filter { !Self.knownKeys.contains($0) }
  }

  private static func rank(
    _ reader: ConfigReader, key: String, value: JSON?, isPresent: Bool
  ) throws(Refusal) -> Int {
    guard let value else {
      guard !isPresent else { throw reader.failure(key, "a whole number", .null) }
      return 8
    }
    let rank = try reader.integer(value, key)
    guard rank >= 1 else {
      throw Refusal(
        .config, reader.subject, "\(reader.file): \(key) must be at least 1, found \(rank)")
    }
    return rank
  }

  private static func chunkCount(_ reader: ConfigReader) throws(Refusal) -> Int? {
    guard let value = reader.value("num_chunk_per_vec") else { return nil }
    return try rank(reader, key: "num_chunk_per_vec", value: value, isPresent: true)
  }

  private static func alpha(_ reader: ConfigReader) throws(Refusal) -> Double {
    guard let value = reader.value("lora_alpha") else {
      guard !reader.isPresent("lora_alpha") else {
        throw reader.failure("lora_alpha", "a number", .null)
      }
      return 8
    }
    return try reader.number(value, "lora_alpha")
  }

  private static func patterns(
    _ reader: ConfigReader, _ key: String
  ) throws(Refusal) -> [(ModulePattern, JSON)] {
    var patterns: [(ModulePattern, JSON)] = []
    for member in try reader.object(key) ?? JSONObject() {
      do throws(PatternError) {
        patterns.append((try ModulePattern(member.key), member.value))
      } catch {
        throw Refusal(
          .config, reader.subject,
          "\(reader.file): \(key) has the key \(member.key.quoted), which cannot be used: \(error)")
      }
    }
    return patterns
  }

  private static func bias(_ reader: ConfigReader) throws(Refusal) -> Bias {
    guard let text = try reader.string("bias") else { return .none }
    guard let bias = Bias(rawValue: text) else {
      throw Refusal(
        .config, reader.subject,
        "\(reader.file): bias must be none, all or lora_only, found \(text.quoted)")
    }
    return bias
  }

  private static func tokenIndices(_ reader: ConfigReader) throws(Refusal) -> TokenIndices {
    let key = "trainable_token_indices"
    guard let value = reader.value(key) else { return .none }
    if value.arrayValue != nil {
      return .inputEmbedding(try indices(reader, key, value))
    }
    guard let object = value.objectValue else {
      throw reader.failure(key, "a list of rows, or one for each module", value)
    }
    var byModule: [String: [Int]] = [:]
    for member in object { byModule[member.key] = try indices(reader, key, member.value) }
    return .byModule(byModule)
  }

  private static func indices(
    _ reader: ConfigReader, _ key: String, _ value: JSON
  ) throws(Refusal) -> [Int] {
    guard let elements = value.arrayValue else { throw reader.failure(key, "a list", value) }
    var indices: [Int] = []
    for element in elements {
      let index = try reader.integer(element, key)
      guard index >= 0 else {
        throw Refusal(.config, reader.subject, "\(reader.file): \(key) holds the row \(index)")
      }
      indices.append(index)
    }
    guard Set(indices).count == indices.count else {
      throw Refusal(.config, reader.subject, "\(reader.file): \(key) names a row twice")
    }
    return indices
  }
}
