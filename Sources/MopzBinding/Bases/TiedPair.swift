import MopzBytes
public import MopzSafetensors
import MopzTensors

/// An input embedding and the output head that shares its values.
public struct TiedPair: Hashable, Sendable {
  /// The embedding's tensor name.
  public let embedding: String
  /// The head's tensor name, which the base may lack.
  public let head: String
  /// Whether the base has a tensor of the head's own.
  public let hasHeadTensor: Bool

  /// The tie of a checkpoint, or nil if it has none.
  ///
  /// `tie_word_embeddings` decides where the configuration says it; otherwise the
  /// head is tied if the base has an embedding and no head. A model whose class
  /// has no head over the vocabulary has nothing to tie.
  public init?(of base: Checkpoint) {
    guard let embedding = OutputHead.embeddingName(among: base.infos.lazy.map(\.name)),
      OutputHead.isExpected(architecture: base.architecture, embedding: embedding)
    else { return nil }
    let head = OutputHead.headName(modelType: base.modelType)
    let hasHeadTensor = base.location(of: head) != nil
    guard Self.flag(of: base) ?? !hasHeadTensor else { return nil }
    self.embedding = embedding
    self.head = head
    self.hasHeadTensor = hasHeadTensor
  }

  /// The configuration's word on ties, also where it lies with the text model.
  private static func flag(of base: Checkpoint) -> Bool? {
    base.tiesWordEmbeddings
      ?? base.config?["text_config"]?["tie_word_embeddings"]?.boolValue
  }
}

/// What becomes of a tie of the base.
public enum TieOutcome: Hashable, Sendable {
  /// The base has none, or neither side changes.
  case untouched
  /// Both sides change alike; one tensor serves both as before.
  case kept
  /// Only one side changes, or each in its own way: both are written, and the
  /// configuration says so.
  case untied(TiedPair)
}
