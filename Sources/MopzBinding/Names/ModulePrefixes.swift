/// The prefixes by which two checkpoints of one architecture may differ.
///
/// A model with a head holds the network below a name of its own, the bare model
/// does not; wrappers for images and training add more.
enum ModulePrefixes {
  /// What stands before the same module in some checkpoints and not in others.
  static let dotted = [
    "model.", "transformer.", "roberta.", "bert.", "distilbert.", "deberta.", "electra.", "albert.",
    "xlm_roberta.", "camembert.", "mpnet.", "esm.", "gpt_neox.", "base_model.", "encoder.",
    "backbone.",
    "model.model.", "model.decoder.", "decoder.", "model.language_model.", "language_model.",
    "language_model.model.", "model.text_model.", "text_model.", "module.", "_orig_mod.",
  ]

  /// What kohya's trainers and LyCORIS put before a flattened module path; longer ones first.
  static let flattened = [
    "lora_unet_", "lora_te1_", "lora_te2_", "lora_te3_", "lora_te_", "lora_transformer_",
    "lycoris_", "lora_",
  ]

  /// A flattened path without the trainer's own prefix.
  static func strippingTrainer(_ path: String) -> String {
    guard let prefix = flattened.first(where: path.hasPrefix) else { return path }
    return String(path.dropFirst(prefix.count))
  }
}
