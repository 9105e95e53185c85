import MopzForward
import MopzTestSupport
import Testing

/// A feature of a description that is turned off.
struct FeatureControl: Sendable, CustomTestStringConvertible {
  let example: String
  /// The mistake as the catalogue names it.
  let off: String
  let change: @Sendable (inout ModelDescription) -> Void

  var testDescription: String { "\(example): \(off)" }

  init(
    _ example: String, _ off: String, _ change: @escaping @Sendable (inout ModelDescription) -> Void
  ) {
    (self.example, self.off, self.change) = (example, off, change)
  }

  /// A change of every block.
  static func blocks(
    _ example: String, _ off: String,
    _ change: @escaping @Sendable (Int, inout ModelDescription.Block) -> Void
  ) -> FeatureControl {
    FeatureControl(example, off) { model in
      for index in model.blocks.indices { change(index, &model.blocks[index]) }
    }
  }

  private static func window(_ example: String, _ off: String, _ step: Int?) -> FeatureControl {
    blocks(example, off) { _, block in
      guard let size = block.attention.window else { return }
      block.attention.window = step.map { size + $0 }
    }
  }

  private static func activation(
    _ example: String, _ off: String, _ value: Activation
  ) -> FeatureControl {
    blocks(example, off) { _, block in block.mlp.activation = value }
  }

  static let windows = ["mistral-window-f32", "qwen2-window-f32", "qwen3-window-f32", "gemma2-f32"]
    .flatMap {
      [
        window($0, "sliding window", nil), window($0, "sliding window: one more", 1),
        window($0, "sliding window: one less", -1),
      ]
    }

  static let rotations = [
    FeatureControl("llama-gqa-f32", "rotary positions") { $0.rotation = nil },
    FeatureControl("llama-gqa-f32", "rope_theta: 10000 instead") { $0.rotation?.base = 10000 },
    FeatureControl("llama3-rope-f32", "rope scaling") { $0.rotation?.scaling = .none },
    FeatureControl("linear-rope-f32", "rope scaling") { $0.rotation?.scaling = .none },
    FeatureControl("dynamic-rope-f32", "rope scaling") { $0.rotation?.scaling = .none },
    FeatureControl("yarn-rope-f32", "yarn: attention_factor 1") { $0.rotation?.magnitude = 1 },
  ]

  static let decoders = [
    FeatureControl("llama-gqa-f32", "causal mask") { $0.isCausal = false },
    activation("llama-gqa-f32", "SiLU: GELU instead", .gelu),
    blocks("llama-bias-f32", "attention_bias") { _, block in
      for i in block.attention.inputs.indices { block.attention.inputs[i].bias = nil }
      block.attention.output.bias = nil
    },
    blocks("llama-bias-f32", "mlp_bias") { _, block in
      for i in block.mlp.inputs.indices { block.mlp.inputs[i].bias = nil }
      block.mlp.output.bias = nil
    },
    blocks("qwen2-f32", "bias of k only") { _, block in block.attention.inputs[1].bias = nil },
    blocks("qwen3-f32", "q_norm and k_norm") { _, block in
      (block.attention.queryNorm, block.attention.keyNorm) = (nil, nil)
    },
    blocks("gemma2-f32", "attn_logit_softcapping") { _, block in block.attention.softcap = nil },
    FeatureControl("gemma2-f32", "final_logit_softcapping") { model in
      if case .vocabulary(let layer, _) = model.head {
        model.head = .vocabulary(layer, softcap: nil)
      }
    },
    FeatureControl("gemma2-f32", "embeddings scaled by the root of hidden_size") {
      $0.embeddings.scale = 1
    },
    blocks("gemma2-f32", "norms after attention") { _, block in block.attentionNorms.output = nil },
    blocks("gemma2-f32", "norms before the MLP") { _, block in block.mlpNorms.input = nil },
    blocks("gemma2-f32", "norms after the MLP") { _, block in block.mlpNorms.output = nil },
    activation("gemma2-f32", "activation: SiLU instead", .silu),
    activation("gemma2-f32", "activation: exact GELU instead", .gelu),
    activation("gpt2-f32", "activation: exact GELU instead", .gelu),
    FeatureControl("gpt2-f32", "positions") { $0.embeddings.positions = nil },
    blocks("gpt2-f32", "Conv1D: the square c_proj transposed") { _, block in
      block.attention.output.isTransposed = false
    },
    FeatureControl("gpt2-f32", "final norm's bias") { $0.finalNorm?.bias = nil },
    blocks("gpt2-inverse-layer-f32", "scale_attn_by_inverse_layer_idx") { index, block in
      block.attention.scale *= Float(index + 1)
    },
  ]

  static let encoders = [
    FeatureControl("bert-f32", "norm of the embeddings") { $0.embeddings.norm = nil },
    FeatureControl("bert-f32", "positions") { $0.embeddings.positions = nil },
    FeatureControl("bert-f32", "token type 0") { $0.embeddings.tokenTypes = nil },
    activation("bert-f32", "activation: tanh GELU instead", .geluTanh),
    activation("roberta-classify-f32", "activation: ReLU instead", .relu),
    FeatureControl("distilbert-f32", "norm of the embeddings") { $0.embeddings.norm = nil },
    FeatureControl("distilbert-classify-f32", "pre_classifier's ReLU") { model in
      guard case .labels(var layers) = model.head else { return }
      layers[0].activation = .identity
      model.head = .labels(layers)
    },
  ]

  static let all = windows + rotations + decoders + encoders
}

@Suite("Features, each of them turned off")
struct FeatureControlTests {
  @Test(
    "a feature that is turned off makes the difference that it makes in the peer",
    arguments: FeatureControl.all)
  func changes(_ control: FeatureControl) throws {
    let example = try ForwardCase.named(control.example)
    let expected = try #require(example.controls[control.off])
    var description = try example.description()
    control.change(&description)
    let model = ForwardModel(description, [ModelVariant(try example.base())])
    let difference = try example.difference(
      model.outputs(for: example.tokens()), to: example.output)
    #expect(difference > 4 * ForwardModelTests.tolerance)
    // The catalogue has three digits.
    #expect((difference / expected - 1).magnitude < 0.02, "\(difference), expected \(expected)")
  }

  @Test(
    "padding that is not masked makes the difference that it makes in the peer",
    arguments: ["bert-f32", "roberta-f32", "distilbert-f32"])
  func seesPadding(_ name: String) throws {
    let example = try ForwardCase.named(name)
    var tokens = try example.tokens()
    tokens.masks = nil
    let model = ForwardModel(try example.description(), [ModelVariant(try example.base())])
    let difference = try example.difference(model.outputs(for: tokens), to: example.output)
    let expected = try #require(example.controls["padding mask"])
    #expect((difference / expected - 1).magnitude < 0.02, "\(difference), expected \(expected)")
  }
}
