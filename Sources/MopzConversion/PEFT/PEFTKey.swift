/// The name of a tensor of a PEFT adapter, taken apart.
///
/// `base_model.model.` + module path + parameter. Accepted besides are names without
/// that prefix, names in which the adapter's own name was left, and the components
/// that PEFT's wrappers add (`base_layer`, `modules_to_save`, `original_module`).
struct PEFTKey: Hashable, Sendable {
  /// What a tensor is to its module.
  enum Role: Hashable, Sendable {
    /// A, `lora_A.weight`.
    case down
    /// B, `lora_B.weight`.
    case up
    /// A bias on B, `lora_B.bias`.
    case upBias
    /// A of an embedding, `lora_embedding_A`.
    case embeddingDown
    /// B of an embedding, `lora_embedding_B`.
    case embeddingUp
    /// `lora_magnitude_vector`.
    case magnitude
    /// The shards of A in their pool, `lora_pair_mask`.
    case downShards
    /// The shards of B in their pool, `lora_pair_mask_B`.
    case upShards
    /// What rows of A put together from shards are multiplied by, `lora_A_vec`.
    case gates
    /// A second such vector, `lora_A_anti_vec`.
    case gateInverses
    /// Rows of an embedding, `token_adapter.trainable_tokens_delta`.
    case tokenRows
    /// A parameter of the base, replaced.
    case parameter(String, wrapping: Wrapping)
    /// A copy of the base's parameter, kept by a wrapper.
    case original(String)
    /// A component that no role has, such as `lora_C`.
    case unknown(String)
  }

  /// How a replaced parameter was wrapped.
  enum Wrapping: Hashable, Sendable {
    /// Not at all.
    case none
    /// `X.base_layer.weight`: the module is adapted, too.
    case baseLayer
    /// `X.modules_to_save.weight`: the wrapper's name was not removed.
    case modulesToSave
  }

  /// The module's path as the base model has it.
  var module: String
  /// What the tensor is to the module.
  var role: Role
  /// The adapter's own name, if it was left in the tensor's name.
  var adapterName: String?
  /// Whether the name began with `base_model.model.`.
  var hasPrefix: Bool
  /// The attention whose output projection the tensor belongs to, if the name shows it.
  ///
  /// PEFT adapts `in_proj_weight` of a MultiheadAttention on the module itself, and
  /// always wraps the output projection with it: `X.base_layer.out_proj.lora_A.weight`.
  var packedAttention: String?

  static let prefix = "base_model.model."
  private static let factorNames: Set = [
    "lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector",
    "lora_pair_mask", "lora_pair_mask_B", "lora_A_vec", "lora_A_anti_vec",
  ]

  /// Takes a name apart.
  init(_ name: String) {
    let hasPrefix = name.hasPrefix(Self.prefix)
    let path = hasPrefix ? name.dropFirst(Self.prefix.count) : name[...]
    let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    self = Self.parse(parts)
    self.hasPrefix = hasPrefix
    if let index = parts.firstIndex(of: "base_layer"), index + 1 < parts.count,
      parts[index + 1] == "out_proj"
    {
      packedAttention = Self.path(parts[..<index])
    }
  }

  private init(module: ArraySlice<String>, role: Role, adapterName: String? = nil) {
    self.module = Self.path(module)
    self.role = role
    self.adapterName = adapterName
    hasPrefix = false
  }

  /// A path without the components that wrappers add.
  private static func path(_ parts: ArraySlice<String>) -> String {
    guard parts.contains("base_layer") else { return parts.joined(separator: ".") }
    return parts.filter { $0 != "base_layer" }.joined(separator: ".")
  }

  private static func parse(_ parts: [String]) -> PEFTKey {
    let factor =
      parts.lastIndex(where: factorNames.contains)
      ?? parts.lastIndex(where: { $0.hasPrefix("lora_") })
    if let index = factor { return factorKey(parts, at: index) }
    if let index = parts.firstIndex(of: "token_adapter") { return tokenKey(parts, at: index) }
    if let index = parts.firstIndex(of: "modules_to_save") {
      let rest = parts[(index + 1)...]
      let path = parts[..<index] + (rest.first == "default" ? rest.dropFirst() : rest)
      return parameterKey(path, wrapping: .modulesToSave)
    }
    if let index = parts.firstIndex(of: "original_module") {
      let path = parts[..<index] + parts[(index + 1)...]
      return PEFTKey(module: path.dropLast(), role: .original(path.last ?? ""))
    }
    let isWrapped = parts.dropLast().last == "base_layer"
    return parameterKey(parts[...], wrapping: isWrapped ? .baseLayer : .none)
  }

  /// A name with one of the `lora_` components: what follows is the adapter's name,
  /// if it was left in, and `weight` or `bias`.
  private static func factorKey(_ parts: [String], at index: Int) -> PEFTKey {
    var tail = parts[(index + 1)...]
    let suffix = tail.last.flatMap { $0 == "weight" || $0 == "bias" ? $0 : nil }
    if suffix != nil { tail = tail.dropLast() }
    let role: Role =
      switch (parts[index], suffix, tail.count) {
      case ("lora_A", "weight", 0...1): .down
      case ("lora_B", "weight", 0...1): .up
      case ("lora_B", "bias", 0...1): .upBias
      case ("lora_embedding_A", nil, 0...1): .embeddingDown
      case ("lora_embedding_B", nil, 0...1): .embeddingUp
      case ("lora_magnitude_vector", nil, 0...1): .magnitude
      case ("lora_magnitude_vector", "weight", 0...1): .magnitude
      case ("lora_pair_mask", nil, 0...1): .downShards
      case ("lora_pair_mask_B", nil, 0...1): .upShards
      case ("lora_A_vec", nil, 0...1): .gates
      case ("lora_A_anti_vec", nil, 0...1): .gateInverses
      default: .unknown(parts[index...].joined(separator: "."))
      }
    if case .unknown = role { return PEFTKey(module: parts[..<index], role: role) }
    return PEFTKey(module: parts[..<index], role: role, adapterName: tail.first)
  }

  /// A name within the wrapper of trained token rows.
  private static func tokenKey(_ parts: [String], at index: Int) -> PEFTKey {
    let tail = parts[(index + 1)...]
    guard let first = tail.first, first.hasPrefix("trainable_tokens_"), tail.count <= 2 else {
      // `token_adapter.base_layer.weight` is the wrapped embedding's own weight.
      return parameterKey(parts[..<index] + tail, wrapping: .baseLayer)
    }
    let role: Role =
      switch first {
      case "trainable_tokens_delta": .tokenRows
      case "trainable_tokens_original": .original(first)
      default: .unknown(tail.joined(separator: "."))
      }
    return PEFTKey(module: parts[..<index], role: role, adapterName: tail.dropFirst().first)
  }

  /// A name that ends in a parameter of the base model.
  private static func parameterKey(
    _ parts: ArraySlice<String>, wrapping: Wrapping
  ) -> PEFTKey {
    PEFTKey(module: parts.dropLast(), role: .parameter(parts.last ?? "", wrapping: wrapping))
  }
}
