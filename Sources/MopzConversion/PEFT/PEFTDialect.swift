import MopzAdapters
import MopzBytes

/// PEFT's adapters: `adapter_config.json` with a `peft_type`.
///
/// LoRA and its close relatives become terms; the other methods are carried under
/// their own name.
enum PEFTDialect: Dialect {
  static func recognises(_ contents: AdapterFiles) -> Bool {
    contents.config?.object["peft_type"] != nil
  }

  static func importing(_ contents: AdapterFiles) throws(Refusal) -> ImportedAdapter {
    guard let config = contents.config else { return try PlainPEFTDialect.importing(contents) }
    let reader = ConfigReader(config.object, subject: contents.name, file: config.name)
    guard let method = try reader.string("peft_type") else {
      throw reader.failure("peft_type", "a string", .null)
    }
    var properties = [Property(key: "peft.peft_type", value: method)]
    for key in provenanceKeys {
      guard let value = reader.value(key) else { continue }
      properties.append(
        Property(key: "peft.\(key)", value: value.stringValue ?? value.serializedText()))
    }
    guard method.uppercased() == "LORA" else {
      return try carried(contents, method: method, properties)
    }
    var rawTag = OpaqueDialect.rawTag(contents)
    if rawTag == nil { rawTag = try mixtureTag(contents, reader) }
    if let tag = rawTag {
      return try OpaqueDialect.importing(contents, tag: tag, properties: properties)
    }
    let semantics = try PEFTConfig(reader)
    if let tag = semantics.unmergeableTag {
      return try OpaqueDialect.importing(contents, tag: tag, properties: properties)
    }
    var assembly = try PEFTAssembly(contents, config: semantics, scaling: .config)
    for property in properties { assembly.builder.record(property.key, property.value) }
    for key in semantics.unknownKeys {
      assembly.builder.note(
        .warning, .config,
        "\(config.name): the field \(key.quoted) is not known; it may change what the adapter does")
    }
    return try assembly.imported()
  }

  /// The tag of a mixture of shards whose configuration asks for more than the method.
  private static func mixtureTag(
    _ contents: AdapterFiles, _ reader: ConfigReader
  ) throws(Refusal) -> String? {
    guard contents.hasTensor(where: { $0.contains(".lora_pair_mask") }) else { return nil }
    return try PEFTConfig.mixtureTag(reader)
  }

  /// The fields that are kept as properties, so that the scale can be traced.
  private static let provenanceKeys = [
    "r", "lora_alpha", "use_rslora", "use_dora", "fan_in_fan_out", "rank_pattern",
    "alpha_pattern", "base_model_name_or_path", "revision", "task_type", "peft_version",
    "ft_mode", "num_chunk_per_vec", "valid_param_lora_r", "valid_param_private_r",
  ]

  private static func carried(
    _ contents: AdapterFiles, method: String, _ properties: [Property]
  ) throws(Refusal) -> ImportedAdapter {
    let tag = OpaqueTag.tag(from: method)
    var imported = try OpaqueDialect.importing(contents, tag: tag, properties: properties)
    if !knownMethods.contains(tag) {
      imported.findings.append(
        Refusal(
          .config, contents.name,
          "the peft_type \(method.quoted) is not known; the tensors are carried as they are"
        ).finding(.warning))
    }
    return imported
  }

  /// PEFT's methods beside LoRA.
  private static let knownMethods: Set = [
    "adalora", "adaption-prompt", "boft", "bone", "c3a", "cpt", "delora", "fourierft", "gralora",
    "hira", "hra", "ia3", "ln-tuning", "loha", "lokr", "miss", "multitask-prompt-tuning", "oft",
    "p-tuning", "poly", "prefix-tuning", "prompt-tuning", "psoft", "pvera", "randlora", "road",
    "shira", "trainable-tokens", "unilora", "vblora", "vera", "waveft", "xlora",
  ]
}
