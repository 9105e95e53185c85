/// What a model computes, in terms that all architectures share.
///
/// A family's file turns a configuration into this value; the pass knows only this
/// value. So a further decoder is a page of description and no new arithmetic.
///
///     x = embeddings(ids)
///     for block in blocks:
///       x = sumNorm(x + outputNorm(attention(inputNorm(x))))
///       x = sumNorm(x + outputNorm(mlp(inputNorm(x))))
///     output = head(finalNorm(x))
///
/// where a norm that a family lacks is the identity.
public struct ModelDescription: Hashable, Sendable {
  /// The model type that the configuration names, such as `llama`.
  public var modelType: String
  /// The width of the hidden states.
  public var hiddenSize: Int
  /// The number of token ids.
  public var vocabularySize: Int
  /// The most positions of a sequence; nil where the positions are rotations.
  public var positionCountMax: Int?
  /// Whether a position sees only itself and earlier ones.
  public var isCausal: Bool
  /// How ids become hidden states.
  public var embeddings: Embeddings
  /// How queries and keys are rotated; nil where positions are embedded.
  public var rotation: Rotation?
  /// The blocks in their order.
  public var blocks: [Block]
  /// The norm after the last block.
  public var finalNorm: Norm?
  /// What is made of the last hidden states.
  public var head: Head
}

extension ModelDescription {
  /// A linear layer: `y = x · Wᵀ + b`.
  public struct Linear: Hashable, Sendable {
    /// The weight's name.
    public var weight: String
    /// The bias's name; nil for none.
    public var bias: String?
    /// The number of inputs.
    public var inFeatures: Int
    /// The number of outputs.
    public var outFeatures: Int
    /// Whether the weight is stored `[in, out]`.
    public var isTransposed = false
    /// The embedding whose values the weight shares; nil if it has its own.
    public var tiedTo: String?
  }

  /// A normalisation of each position.
  public struct Norm: Hashable, Sendable {
    /// What is divided by.
    public enum Kind: Hashable, Sendable {
      /// Mean taken away, then divided by the standard deviation.
      case layer
      /// Divided by the root of the mean square.
      case rootMeanSquare
    }

    /// The kind.
    public var kind: Kind
    /// The weight's name.
    public var weight: String
    /// The bias's name; nil for none.
    public var bias: String?
    /// What is added to the variance.
    public var epsilon: Float
    /// What is added to the weight: 1 in Gemma.
    public var weightOffset: Float = 0
  }

  /// How ids become hidden states.
  public struct Embeddings: Hashable, Sendable {
    /// The numbering of positions.
    public enum Numbering: Hashable, Sendable {
      /// From 0.
      case sequential
      /// From `padding + 1` on, over the ids that are not `padding`; that id itself has
      /// position `padding`.
      case afterPadding(id: Int)
    }

    /// The name of the token embedding.
    public var tokens: String
    /// The name of the position embedding; nil for none.
    public var positions: String?
    /// The number of rows of the position embedding.
    public var positionCount = 0
    /// How positions are numbered.
    public var numbering = Numbering.sequential
    /// The name of the token types' embedding, whose first row is added; nil for none.
    public var tokenTypes: String?
    /// The number of token types.
    public var tokenTypeCount = 0
    /// The norm of the sum.
    public var norm: Norm?
    /// What the sum is multiplied by.
    public var scale: Float = 1
  }

  /// Attention and MLP with what stands around them.
  public struct Block: Hashable, Sendable {
    /// The norms around one of the two.
    public struct Norms: Hashable, Sendable {
      /// Before it.
      public var input: Norm?
      /// After it, before the residual is added.
      public var output: Norm?
      /// After the residual is added.
      public var sum: Norm?
    }

    /// Attention.
    public var attention: Attention
    /// The norms around attention.
    public var attentionNorms: Norms
    /// The MLP.
    public var mlp: MLP
    /// The norms around the MLP.
    public var mlpNorms: Norms
  }

  /// Attention of several heads, some of which may share keys and values.
  public struct Attention: Hashable, Sendable {
    /// The layers whose outputs, side by side, are queries, keys and values.
    public var inputs: [Linear]
    /// The layer after the heads.
    public var output: Linear
    /// The number of query heads.
    public var headCount: Int
    /// The number of key and value heads.
    public var keyHeadCount: Int
    /// The width of a head.
    public var headSize: Int
    /// The norm of each query.
    public var queryNorm: Norm?
    /// The norm of each key.
    public var keyNorm: Norm?
    /// How many positions a position sees with itself; nil for all.
    public var window: Int?
    /// What scores are multiplied by.
    public var scale: Float
    /// The cap `c` of `c · tanh(score / c)`; nil for none.
    public var softcap: Float?
  }

  /// The MLP: `output(act(up(x)))`, or `output(act(gate(x)) ⊙ up(x))`.
  public struct MLP: Hashable, Sendable {
    /// One layer, or gate and up.
    public var inputs: [Linear]
    /// The activation.
    public var activation: Activation
    /// The layer after it.
    public var output: Linear
  }

  /// What is made of the last hidden states.
  public enum Head: Hashable, Sendable {
    /// Logits over the vocabulary at every position; `softcap` as in ``Attention``.
    case vocabulary(Linear, softcap: Float?)
    /// Logits over labels from the first position, through layers with activations.
    case labels([(layer: Linear, activation: Activation)])
    /// The hidden states themselves.
    case hiddenStates

    /// Whether both are the same.
    public static func == (a: Head, b: Head) -> Bool {
      switch (a, b) {
      case (.vocabulary(let x, let c), .vocabulary(let y, let d)): x == y && c == d
      case (.labels(let x), .labels(let y)):
        x.map(\.layer) == y.map(\.layer) && x.map(\.activation) == y.map(\.activation)
      case (.hiddenStates, .hiddenStates): true
      default: false
      }
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
      switch self {
      case .vocabulary(let layer, let softcap):
        hasher.combine(layer)
        hasher.combine(softcap)
      case .labels(let layers): hasher.combine(layers.map(\.layer))
      case .hiddenStates: hasher.combine(0)
      }
    }
  }
}
