/// The names of the input embedding and of the output head that may be tied to it.
enum OutputHead {
  /// The last components of input embeddings, most telling first.
  static let embeddingSuffixes = [
    "embed_tokens.weight", "wte.weight", "word_embeddings.weight", "tok_embeddings.weight",
    "embed_in.weight", "shared.weight",
  ]

  /// Heads that are called otherwise than `lm_head.weight`.
  static let headNames = [
    "bert": "cls.predictions.decoder.weight", "roberta": "lm_head.decoder.weight",
    "xlm-roberta": "lm_head.decoder.weight", "camembert": "lm_head.decoder.weight",
    "esm": "lm_head.decoder.weight", "distilbert": "vocab_projector.weight",
    "gpt_neox": "embed_out.weight",
  ]

  /// The endings of the classes that have an output head over the vocabulary.
  static let classSuffixes = [
    "ForCausalLM", "LMHeadModel", "ForMaskedLM", "ForConditionalGeneration", "ForPreTraining",
    "LMHead",
  ]

  /// The head's name for an architecture.
  static func headName(modelType: String?) -> String {
    modelType.flatMap { headNames[$0] } ?? "lm_head.weight"
  }

  /// The input embedding among a base's names, or nil.
  static func embeddingName(among names: some Sequence<String>) -> String? {
    var best: (rank: Int, length: Int, name: String)?
    for name in names {
      for (rank, suffix) in embeddingSuffixes.enumerated() where isName(name, endingIn: suffix) {
        let candidate = (rank: rank, length: name.utf8.count, name: name)
        if let found = best, (found.rank, found.length, found.name) <= candidate { continue }
        best = candidate
      }
    }
    return best?.name
  }

  private static func isName(_ name: String, endingIn suffix: String) -> Bool {
    name == suffix || name.hasSuffix("." + suffix)
  }

  /// Whether a model of this class has an output head over the vocabulary; without
  /// a class, whether the embedding lies inside a network that something wraps.
  static func isExpected(architecture: String?, embedding: String) -> Bool {
    guard let architecture else { return embedding.split(separator: ".").count > 2 }
    return classSuffixes.contains(where: architecture.hasSuffix)
  }
}
