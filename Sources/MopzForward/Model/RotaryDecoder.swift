import MopzBytes

/// The decoders that rotate queries and keys and have a gated MLP.
///
/// A family fills in where it differs; the rest is read from the configuration.
struct RotaryDecoder {
  typealias Norm = ModelDescription.Norm
  typealias Linear = ModelDescription.Linear

  let config: ModelConfig
  let hiddenSize: Int
  let layerCount: Int
  let headCount: Int
  let headSize: Int
  let positionCount: Int
  /// Before the names of the network, mostly `model.`.
  let prefix: String

  var inputBias = false
  var outputBias = false
  var mlpBias = false
  var hasHeadNorms = false
  var normOffset: Float = 0
  /// The positions that layer i sees; nil for all.
  var window: (Int) -> Int? = { _ in nil }
  var scoreScale: Float
  var scoreCap: Float?
  var logitCap: Float?
  var embeddingScale: Float = 1
  var activation: Activation
  var isTied: Bool
  /// Whether norms stand on both sides of attention and MLP.
  var hasOutputNorms = false

  init(_ config: ModelConfig, isTied tiedByDefault: Bool = false) throws(ForwardError) {
    self.config = config
    hiddenSize = try config.size("hidden_size")
    layerCount = try config.size("num_hidden_layers", max: ModelConfig.layerCountMax)
    headCount = try config.size("num_attention_heads")
    headSize = try config.size("head_dim", default: max(hiddenSize / headCount, 1))
    positionCount = try config.size("max_position_embeddings", default: 2048)
    prefix = try config.prefix("model.", "", probe: "embed_tokens.weight")
    scoreScale = 1 / Float(headSize).squareRoot()
    activation = try config.activation("hidden_activation", "hidden_act", default: "silu")
    isTied = try config.flag("tie_word_embeddings", default: tiedByDefault)
  }

  private func norm(_ name: String) throws(ForwardError) -> Norm {
    Norm(
      kind: .rootMeanSquare, weight: name + ".weight", bias: nil,
      epsilon: Float(try config.number("rms_norm_eps", default: 1e-6)), weightOffset: normOffset)
  }

  private func linear(_ name: String, _ inputs: Int, _ outputs: Int, bias: Bool) -> Linear {
    Linear(
      weight: name + ".weight", bias: bias ? name + ".bias" : nil, inFeatures: inputs,
      outFeatures: outputs)
  }

  private func block(_ index: Int) throws(ForwardError) -> ModelDescription.Block {
    let place = "\(prefix)layers.\(index)."
    let keyHeadCount = try config.size("num_key_value_heads", default: headCount)
    guard headCount % keyHeadCount == 0 else {
      throw .config(member: "num_key_value_heads", expected: "a divisor of the number of heads")
    }
    let (queries, keys) = (headCount * headSize, keyHeadCount * headSize)
    let inner = try config.size("intermediate_size")
    let attention = ModelDescription.Attention(
      inputs: [
        linear(place + "self_attn.q_proj", hiddenSize, queries, bias: inputBias),
        linear(place + "self_attn.k_proj", hiddenSize, keys, bias: inputBias),
        linear(place + "self_attn.v_proj", hiddenSize, keys, bias: inputBias),
      ],
      output: linear(place + "self_attn.o_proj", queries, hiddenSize, bias: outputBias),
      headCount: headCount, keyHeadCount: keyHeadCount, headSize: headSize,
      queryNorm: hasHeadNorms ? try norm(place + "self_attn.q_norm") : nil,
      keyNorm: hasHeadNorms ? try norm(place + "self_attn.k_norm") : nil,
      window: window(index), scale: scoreScale, softcap: scoreCap)
    let mlp = ModelDescription.MLP(
      inputs: [
        linear(place + "mlp.gate_proj", hiddenSize, inner, bias: mlpBias),
        linear(place + "mlp.up_proj", hiddenSize, inner, bias: mlpBias),
      ],
      activation: activation,
      output: linear(place + "mlp.down_proj", inner, hiddenSize, bias: mlpBias))
    let afterAttention = try norm(place + "post_attention_layernorm")
    let beforeMLP =
      hasOutputNorms ? try norm(place + "pre_feedforward_layernorm") : afterAttention
    return ModelDescription.Block(
      attention: attention,
      attentionNorms: .init(
        input: try norm(place + "input_layernorm"),
        output: hasOutputNorms ? afterAttention : nil, sum: nil),
      mlp: mlp,
      mlpNorms: .init(
        input: beforeMLP,
        output: hasOutputNorms ? try norm(place + "post_feedforward_layernorm") : nil, sum: nil))
  }

  /// The description.
  func described() throws(ForwardError) -> ModelDescription {
    let vocabularySize = try config.size("vocab_size")
    var blocks: [ModelDescription.Block] = []
    for index in 0..<layerCount { blocks.append(try block(index)) }
    let tokens = prefix + "embed_tokens.weight"
    let head = Linear(
      weight: "lm_head.weight", bias: nil, inFeatures: hiddenSize, outFeatures: vocabularySize,
      tiedTo: isTied ? tokens : nil)
    let hasHead = config.architecture(hasSuffix: "ForCausalLM")
    return ModelDescription(
      modelType: config.modelType ?? "", hiddenSize: hiddenSize, vocabularySize: vocabularySize,
      positionCountMax: nil, isCausal: true,
      embeddings: .init(tokens: tokens, scale: embeddingScale),
      rotation: try config.rotation(headSize: headSize, positionCount: positionCount),
      blocks: blocks, finalNorm: try norm(prefix + "norm"),
      head: hasHead ? .vocabulary(head, softcap: logitCap) : .hiddenStates)
  }

  /// The window of each layer: as `layer_types` says, else as `rule` does.
  func windows(_ size: Int?, rule: @escaping (Int) -> Bool) -> (Int) -> Int? {
    guard let size else { return { _ in nil } }
    let types = config.members["layer_types"]?.arrayValue?.map(\.stringValue)
    return { layer in
      if let types, types.indices.contains(layer) {
        return types[layer] == "sliding_attention" ? size : nil
      }
      return rule(layer) ? size : nil
    }
  }
}
