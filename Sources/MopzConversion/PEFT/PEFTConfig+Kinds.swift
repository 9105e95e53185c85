import MopzBytes

/// Flags that make more of an adapter than its factors, and the keys that are known.
extension PEFTConfig {
  /// The tag of what the flags make of the adapter, or nil for a plain one.
  static func unmergeableTag(_ reader: ConfigReader) throws(Refusal) -> String? {
    let inUse = Set(reader.keysInUse)
    for (key, tag) in flagTags where inUse.contains(key) { return tag }
    return try initialisationTag(reader)
  }

  /// Flags whose value alone changes what the tensors mean.
  private static let flagTags = [
    ("alora_invocation_tokens", "alora"),
    ("arrow_config", "arrow"),
    ("use_qalora", "qalora"),
    ("use_bdlora", "bdlora"),
    ("kasa_config", "kasa-unconverted"),
    ("layer_replication", "lora-replicated-layers"),
    ("target_parameters", "lora-expert-parameters"),
    ("megatron_config", "lora-megatron"),
    ("monteclora_config", "monteclora"),
    ("enable_lora", "lora-merged-linear"),
  ]

  /// The tag of an initialisation that changes the base, so that the saved factors
  /// belong to weights that the stock base does not have.
  private static func initialisationTag(_ reader: ConfigReader) throws(Refusal) -> String? {
    guard let value = reader.value("init_lora_weights"), value.boolValue == nil else { return nil }
    guard let name = value.stringValue else {
      throw reader.failure("init_lora_weights", "true, false or a name", value)
    }
    let lowercased = name.lowercased()
    guard !harmlessInitialisations.contains(lowercased) else { return nil }
    let method = lowercased.hasPrefix("pissa") ? "pissa" : OpaqueTag.tag(from: lowercased)
    return "\(method)-unconverted"
  }

  private static let harmlessInitialisations: Set = [
    "gaussian", "eva", "orthogonal", "mica", "true",
  ]

  /// The keys that this version knows, whether they matter to it or not.
  static let knownKeys = mixtureKeys.union([
    "alora_invocation_tokens", "alpha_pattern", "arrow_config", "auto_mapping",
    "base_model_name_or_path", "bias", "corda_config", "enable_lora", "ensure_weight_tying",
    "eva_config", "exclude_modules", "fan_in_fan_out", "inference_mode", "init_lora_weights",
    "kasa_config", "layer_replication", "layers_pattern", "layers_to_transform", "loftq_config",
    "lora_alpha", "lora_bias", "lora_dropout", "lora_ga_config", "megatron_config",
    "megatron_core", "merge_weights", "modules_to_save", "monteclora_config", "peft_type",
    "peft_version", "qalora_group_size", "r", "rank_pattern", "revision", "runtime_config",
    "target_modules", "target_parameters", "task_type", "trainable_token_indices", "use_bdlora",
    "use_dora", "use_qalora", "use_rslora", "velora_config",
  ])

  /// The keys of mixtures of shards, which say nothing about a plain adapter.
  static let mixtureKeys: Set = [
    "enable_lora_bias", "enable_lora_rotation", "enable_lora_vec", "ft_mode", "init2zero_via_vec",
    "init_lora_A_vec_std", "init_lora_A_vec_value", "num_chunk_per_vec", "reduce_lora_A_x",
    "reduce_lora_B_x", "valid_param_lora_r", "valid_param_private_r",
  ]
}
