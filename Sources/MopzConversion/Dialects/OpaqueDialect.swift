import MopzAdapters
import MopzBytes

/// Everything that is carried and exported without being understood.
///
/// The tag says what it seems to be, so that merge can refuse it by its name.
enum OpaqueDialect: Dialect {
  static func recognises(_ contents: AdapterFiles) -> Bool { true }

  static func importing(_ contents: AdapterFiles) throws(Refusal) -> ImportedAdapter {
    try importing(contents, tag: tag(of: contents))
  }

  /// Carries an adapter whose kind another dialect recognised.
  static func importing(
    _ contents: AdapterFiles, tag: String, properties: [Property] = []
  ) throws(Refusal) -> ImportedAdapter {
    var builder = AdapterBuilder(contents, kind: AdapterKind(rawValue: tag))
    for property in properties { builder.record(property.key, property.value) }
    return try builder.finishOpaque()
  }

  /// What files seem to be that no dialect understands.
  static func tag(of contents: AdapterFiles) -> String {
    if let tag = configTag(contents) { return tag }
    for (tag, isOfKind) in nameTags where contents.hasTensor(where: isOfKind) { return tag }
    return unknownTag
  }

  /// The tag of files that seem to be nothing in particular.
  static let unknownTag = "safetensors"

  /// The tag of a configuration that is not PEFT's.
  private static func configTag(_ contents: AdapterFiles) -> String? {
    guard let object = contents.config?.object else { return nil }
    if let method = object["fine_tune_type"]?.stringValue {
      return OpaqueTag.tag(from: "mlx-\(method)")
    }
    if object["version"]?.stringValue?.hasPrefix("adapters.") == true { return "adapterhub" }
    if object["model_class"] != nil && object["config"] != nil { return "adapterhub" }
    return nil
  }

  /// Tags by what the name of some tensor has; the first that fits counts.
  private static let nameTags: [(String, @Sendable (String) -> Bool)] = [
    ("mos", { $0.hasSuffix(".lora_pair_mask") }),
    ("prolora", { $0.hasSuffix(".lora_A_vec") }),
    ("mlx-lora", { $0.hasSuffix(".lora_a") || $0.hasSuffix(".lora_b") }),
    ("loha", { $0.contains(".hada_w") }),
    ("lokr", { $0.contains(".lokr_w") }),
    ("locon-tucker", { $0.hasSuffix(".lora_mid.weight") }),
    ("locon-extracted", { $0.hasSuffix(".bias_indices") }),
    ("diag-oft", { $0.hasSuffix(".oft_blocks") }),
    ("glora", { $0.hasSuffix(".a1.weight") || $0.hasSuffix(".b1.weight") }),
    ("dora-per-input", { $0.hasSuffix(".dora_scale") }),
    ("lycoris", { $0.hasPrefix("lycoris_") || $0.hasPrefix("lora_unet_") }),
    ("adapterhub", { $0.contains(".adapters.") || $0.contains(".loras.") }),
    ("cloneofsimo-lora", { $0.hasSuffix(":down") || $0.hasSuffix(":up") }),
    (
      "diffusers-lora",
      { name in
        name.contains(".lora.down.") || name.contains("_lora.down.")
          || name.contains(".lora_linear_layer.")
          || (diffusersPrefixes.contains(where: name.hasPrefix) && name.contains("lora"))
      }
    ),
  ]

  /// The tag of LoRA's relatives that keep their own tensors under LoRA's names.
  ///
  /// A mixture of shards is no such thing, but one whose tables are not complete is.
  static func rawTag(_ contents: AdapterFiles) -> String? {
    let modules = ["_mask", "_mask_B"].map { suffix in
      let whole = ".lora_pair" + suffix
      return Set(
        contents.tensorNames.filter { $0.hasSuffix(whole) }
          .map { ExactName(String($0.dropLast(whole.count))) })
    }
    if modules[0] != modules[1] { return "mos" }
    if modules[0].isEmpty, contents.hasTensor(where: { $0.hasSuffix(".lora_A_vec") }) {
      return "prolora"
    }
    return nil
  }

  static let diffusersPrefixes = [
    "unet.", "transformer.", "text_encoder.", "text_encoder_2.", "text_encoder_3.",
  ]
}
