public import MopzBytes
public import MopzSafetensors

extension ModelDescription {
  /// One of the architectures that are known.
  struct Family: Sendable {
    let modelTypes: Set<String>
    let describe: @Sendable (ModelConfig) throws(ForwardError) -> ModelDescription
  }

  /// All families, one file each.
  static let families: [Family] = [
    .llama, .mistral, .qwen2, .qwen3, .gemma2, .gpt2, .bert, .roberta, .distilBERT,
  ]

  /// The model types that have a description.
  public static var modelTypes: [String] { families.flatMap(\.modelTypes).sorted() }

  /// Describes the model of a checkpoint.
  ///
  /// - Throws: ``ForwardError/unknownArchitecture(_:)`` if no family is meant; other errors
  ///   if the configuration is incomplete.
  public init(of checkpoint: Checkpoint) throws(ForwardError) {
    guard let config = checkpoint.config else { throw .unknownArchitecture(nil) }
    try self.init(config: config) { checkpoint.location(of: $0) != nil }
  }

  /// Describes a model by its configuration and the names of its tensors.
  ///
  /// - Throws: As ``init(of:)``.
  public init(
    config: JSONObject, hasTensor: @escaping (String) -> Bool
  ) throws(ForwardError) {
    let config = ModelConfig(members: config, hasTensor: hasTensor)
    let type = config.modelType
    guard let type, let family = Self.families.first(where: { $0.modelTypes.contains(type) })
    else { throw .unknownArchitecture(type) }
    self = try family.describe(config)
  }
}
