import MopzAdapters

/// How ΔW `[out, in]` lies in the base matrix `[rows, columns]`.
public enum WeightOrientation: Hashable, Sendable {
  /// Rows are outputs: `[out, in]`, further dimensions flattened into *in*.
  case outputRows
  /// Columns are outputs: `[in, out]`; what is added is ΔWᵀ = Aᵀ·Bᵀ.
  case outputColumns
}

/// Which weights a model stores as `[in, out]`.
///
/// An adapter's own flag cannot be trusted (PEFT corrects it while it runs, not
/// in the file), and a square weight shows nothing; so the architecture decides
/// where it is known.
enum ArchitectureOrientation {
  /// The architectures that use transposed layers, and the names of those layers.
  static let transposed: [String: Set<String>] = {
    let layers: Set = ["c_attn", "c_proj", "c_fc", "q_attn"]
    return [
      "gpt2": layers, "openai-gpt": layers, "imagegpt": layers, "decision_transformer": layers,
    ]
  }()

  /// Architectures that are known to store every linear layer as `[out, in]`.
  static let linear: Set<String> = [
    "albert", "bert", "bloom", "camembert", "clip", "cohere", "deberta", "deberta-v2",
    "deepseek_v2",
    "deepseek_v3", "distilbert", "electra", "esm", "falcon", "gemma", "gemma2", "gemma3",
    "gemma3_text", "glm", "glm4", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj", "granite", "llama",
    "mistral", "modernbert", "mpt", "olmo", "olmo2", "opt", "phi", "phi3", "qwen2", "qwen2_5_vl",
    "qwen2_vl", "qwen3", "roberta", "smollm3", "stablelm", "starcoder2", "t5", "vit", "wav2vec2",
    "whisper", "xlm-roberta",
  ]

  /// What the architecture says of a module; nil if it is not known.
  static func orientation(modelType: String?, module: String) -> WeightOrientation? {
    guard let modelType else { return nil }
    if let layers = transposed[modelType] {
      let last = module.split(separator: ".").last.map(String.init) ?? module
      return layers.contains(last) ? .outputColumns : .outputRows
    }
    return linear.contains(modelType) ? .outputRows : nil
  }
}
