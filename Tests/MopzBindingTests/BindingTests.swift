import MopzAdapters
import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzBinding

/// A base of two layers and an embedding, and adapters for it.
struct SmallModel {
  static let config =
    #"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "tie_word_embeddings": true}"#
  let folder: TemporaryFolder
  let base: Checkpoint
  var generator = SeededGenerator(seed: 21)

  init(config: String? = Self.config, prefix: String = "model.", dtype: DType = .f32) throws {
    folder = try TemporaryFolder()
    var generator = SeededGenerator(seed: 20)
    let shapes: [(String, Shape)] = [
      ("\(prefix)embed_tokens.weight", [11, 6]), ("\(prefix)layers.0.q_proj.weight", [6, 6]),
      ("\(prefix)layers.0.up_proj.bias", [9]), ("\(prefix)layers.0.up_proj.weight", [9, 6]),
      ("\(prefix)layers.1.q_proj.weight", [6, 6]), ("\(prefix)norm.weight", [6]),
    ]
    let tensors = shapes.map { name, shape in
      (
        name: name,
        tensor: Tensor(shape: shape, dtype: dtype, size: 0.1, using: &generator)
      )
    }
    base = try Checkpoint(
      opening: folder.writeCheckpoint("base", shards: [tensors], config: config))
  }

  mutating func tensor(_ shape: Shape, dtype: DType = .f32, size: Double = 0.05) -> Tensor {
    Tensor(shape: shape, dtype: dtype, size: size, using: &generator)
  }

  /// An adapter of rank 2 for a weight.
  mutating func adapter(
    _ name: String = "a", _ module: String = "model.layers.0.up_proj", out: Int = 9,
    in width: Int = 6,
    layout: Layout = .linear, naming: ModuleNaming = .dotted
  ) -> Adapter {
    var adapter = Adapter(name: name, kind: .lora)
    adapter.addLowRank(
      module, down: tensor([2, width]), up: tensor([out, 2]), scaling: 2, layout: layout,
      naming: naming)
    return adapter
  }

  func bind(_ adapters: Adapter..., scale: Double = 1) throws(BindingError) -> Binding {
    try Binding(adapters.map { AppliedAdapter($0, scale: scale) }, to: base)
  }
}

@Suite("Adapters bound to a base")
struct BindingTests {
  /// The error that binding throws.
  private func error(_ body: () throws(BindingError) -> Binding) -> BindingError? {
    do {
      _ = try body()
      return nil
    } catch { return error }
  }

  @Test("a module that the base lacks is refused with the nearest names")
  func noMatch() throws {
    var model = try SmallModel()
    let adapter = model.adapter("a", "model.layer.0.up_proj")
    let found = error { () throws(BindingError) in try model.bind(adapter) }
    guard case .noMatch(_, let parameter, let nearest) = found else {
      Issue.record("\(String(describing: found))")
      return
    }
    #expect(parameter == "model.layer.0.up_proj.weight")
    #expect(nearest.first == "model.layers.0.up_proj.weight")
  }

  @Test(
    "one prefix is added or removed for the whole adapter",
    arguments: [
      ("model.", "layers.0.up_proj"), ("", "model.layers.0.up_proj"),
      ("model.language_model.", "language_model.model.layers.0.up_proj"),
    ])
  func prefixes(prefix: String, module: String) throws {
    var model = try SmallModel(prefix: prefix)
    let binding = try model.bind(model.adapter("a", module))
    #expect(binding.targets.map(\.name) == ["\(prefix)layers.0.up_proj.weight"])
    #expect(binding.findings.contains { $0.rule == "NAMES" })
  }

  @Test("an adapter of which one part needs a prefix and another none is refused")
  func mixedPrefixes() throws {
    var model = try SmallModel()
    var adapter = model.adapter("a", "layers.0.up_proj")
    adapter.addLowRank(
      "transformer.layers.0.q_proj", down: model.tensor([2, 6]), up: model.tensor([6, 2]),
      scaling: 1)
    let found = error { () throws(BindingError) in try model.bind(adapter) }
    guard case .noMatch = found else {
      Issue.record("\(String(describing: found))")
      return
    }
  }

  @Test(
    "flattened names find their modules, with the trainer's prefix or without",
    arguments: [
      "lora_unet_model_layers_0_up_proj", "lora_te_layers_0_up_proj", "model_layers_0_up_proj",
    ])
  func flattened(module: String) throws {
    var model = try SmallModel()
    let binding = try model.bind(model.adapter("a", module, naming: .flattened))
    #expect(binding.targets.map(\.name) == ["model.layers.0.up_proj.weight"])
  }

  @Test("a factor of another width is refused by its tensor's name and shape")
  func shape() throws {
    var model = try SmallModel()
    let adapter = model.adapter("support-de", out: 8)
    let found = error { () throws(BindingError) in try model.bind(adapter) }
    #expect(
      found?.description == """
        adapter "support-de": tensor "model.layers.0.up_proj.lora_B.weight": it has shape [8, 2], \
        but the base weight "model.layers.0.up_proj.weight" is [9, 6] \
        (was it trained on another base?)
        """)
  }

  @Test("shapes that fit only the other way round are refused as that")
  func otherOrientation() throws {
    var model = try SmallModel()
    let adapter = model.adapter("a", out: 6, in: 9)
    let found = error { () throws(BindingError) in try model.bind(adapter) }
    guard case .orientation = found else {
      Issue.record("\(String(describing: found))")
      return
    }
  }

  @Test(
    "the architecture decides on the orientation, else the adapter's own flag",
    arguments: [
      ("llama", Layout.transposed, WeightOrientation.outputRows),
      ("gpt2", .linear, .outputRows),  // q_proj is no layer that gpt2 transposes
      ("unheard-of", .transposed, .outputColumns), ("unheard-of", .linear, .outputRows),
    ])
  func orientation(type: String, layout: Layout, expected: WeightOrientation) throws {
    var model = try SmallModel(config: #"{"model_type": "\#(type)"}"#)
    let adapter = model.adapter("a", "model.layers.0.q_proj", out: 6, layout: layout)
    #expect(try model.bind(adapter).targets[0].orientation == expected)
    #expect(
      ArchitectureOrientation.orientation(modelType: "gpt2", module: "h.0.attn.c_attn")
        == .outputColumns)
  }

  @Test("a tensor that no update uses is named")
  func coverage() throws {
    var model = try SmallModel()
    var adapter = model.adapter()
    _ = adapter.add(source: "extra", model.tensor([3]))
    #expect(
      error { () throws(BindingError) in try model.bind(adapter) }
        == .unused(adapter: "a", tensors: ["extra"]))
    adapter.sourceTensors[2].disposition = .redundant
    #expect(try model.bind(adapter).targets.count == 1)
    adapter.sourceTensors[2].disposition = .carried
    #expect(
      error { () throws(BindingError) in try model.bind(adapter) }
        == .unused(adapter: "a", tensors: ["extra"]))
  }

  @Test("a kind without updates is refused with its reason")
  func opaque() throws {
    let model = try SmallModel()
    let adapter = Adapter(name: "p", kind: AdapterKind(rawValue: "prompt-tuning"))
    let found = error { () throws(BindingError) in try model.bind(adapter) }
    #expect(found?.description.contains("prompt-tuning") == true)
    #expect(found?.description.contains("changes no weight") == true)
  }

  @Test("additive updates of several adapters come together, with their scales")
  func sum() throws {
    var model = try SmallModel()
    let (a, b) = (model.adapter("a"), model.adapter("b"))
    let binding = try Binding(
      [AppliedAdapter(a, scale: 0.5), AppliedAdapter(b, scale: -2)], to: model.base)
    let target = try #require(binding.targets.first)
    #expect(binding.targets.count == 1 && target.terms.map(\.scale) == [0.5, -2])
    #expect(target.adapters == [0, 1])
    let factors = try binding.deltaFactors(of: target)
    var expected = ReferenceMath.product(
      a.blocks[1].numbers, a.blocks[0].numbers, rows: 9, inner: 2, columns: 6)
    let other = ReferenceMath.product(
      b.blocks[1].numbers, b.blocks[0].numbers, rows: 9, inner: 2, columns: 6)
    for i in expected.indices { expected[i] = expected[i] * 2 * 0.5 - other[i] * 2 * 2 }
    let found = ReferenceMath.product(
      factors.left, factors.right, rows: 9, inner: 4, columns: 6)
    #expect(ReferenceMath.relativeError(found, expected) < 1e-14)
    #expect(ReferenceMath.relativeError(found.map { $0 * 1.001 }, expected) > 1e-14)
  }

  @Test("replacements by two adapters are refused unless they are equal")
  func replacedTwice() throws {
    var model = try SmallModel()
    var (a, b) = (model.adapter("a"), model.adapter("b"))
    let value = model.tensor([6])
    a.addValue("model.norm", "weight", value, kind: .replacement)
    b.addValue("model.norm", "weight", value, kind: .replacement)
    #expect(try model.bind(a, b).targets.count == 2)
    b.blocks[2] = model.tensor([6])
    guard
      case .conflict(let adapters, let name, _) = error({ () throws(BindingError) in
        try model.bind(a, b)
      })
    else {
      Issue.record("no conflict")
      return
    }
    #expect(adapters == ["a", "b"] && name == "model.norm.weight")
  }

  @Test(
    "a replacement by one adapter and an addition by another are refused", arguments: [true, false])
  func replacedAndAdded(replacementFirst: Bool) throws {
    var model = try SmallModel()
    var a = model.adapter("a", "model.layers.1.q_proj", out: 6)
    let b = model.adapter("b")
    a.addValue("model.layers.0.up_proj", "weight", model.tensor([9, 6]), kind: .replacement)
    let order = replacementFirst ? [a, b] : [b, a]
    let found = error { () throws(BindingError) in
      try Binding(order.map { AppliedAdapter($0) }, to: model.base)
    }
    guard case .conflict = found else {
      Issue.record("\(String(describing: found))")
      return
    }
  }

  @Test(
    "a magnitude beside another adapter is refused, and so is its scale", arguments: [true, false])
  func magnitude(magnitudeFirst: Bool) throws {
    var model = try SmallModel()
    var dora = Adapter(name: "d", kind: .dora)
    dora.addLowRank(
      "model.layers.0.up_proj", down: model.tensor([2, 6]), up: model.tensor([9, 2]), scaling: 1,
      magnitude: model.tensor([9]))
    #expect(try model.bind(dora).targets[0].magnitude != nil)
    guard
      case .scale(_, _, 0.5, _) = error({ () throws(BindingError) in
        try model.bind(dora, scale: 0.5)
      })
    else {
      Issue.record("the scale was taken")
      return
    }
    let other = model.adapter("o")
    let order = magnitudeFirst ? [dora, other] : [other, dora]
    let found = error { () throws(BindingError) in
      try Binding(order.map { AppliedAdapter($0) }, to: model.base)
    }
    #expect(found?.description.contains("order") == true)
  }

  @Test("a copy of the base's tensor is noted and left, also in another element type")
  func copies() throws {
    var model = try SmallModel(dtype: .bf16)
    var adapter = model.adapter()
    let norm = try #require(model.base.tensor(named: "model.norm.weight"))
    adapter.addValue(
      "model.norm", "weight", Tensor(norm.numbers, shape: [6], dtype: .f32), kind: .replacement)
    let binding = try model.bind(adapter, scale: 2)
    #expect(binding.targets.map(\.name) == ["model.layers.0.up_proj.weight"])
    #expect(binding.findings.contains { $0.rule == "REPLACEMENT" && $0.message.contains("equals") })
  }

  @Test("a new module is added, a parameter that a known module lacks is refused")
  func added() throws {
    var model = try SmallModel()
    var adapter = model.adapter()
    adapter.addValue("classifier", "weight", model.tensor([3, 6]), kind: .replacement)
    #expect(try model.bind(adapter).added.map(\.name) == ["classifier.weight"])
    adapter.addValue("model.layers.0.q_proj", "bias", model.tensor([6]), kind: .replacement)
    #expect(
      error { () throws(BindingError) in try model.bind(adapter) }
        == .missingParameter(
          adapter: "a", parameter: "model.layers.0.q_proj.bias",
          sibling: "model.layers.0.q_proj.weight"))
  }

  @Test("rows are checked against the base", arguments: [[0, 10], [0, 11], [2, 2], [-1, 2]])
  func rows(indices: [Int64]) throws {
    var model = try SmallModel()
    var adapter = Adapter(name: "r", kind: .lora)
    adapter.addRows("model.embed_tokens", indices: indices, model.tensor([2, 6]))
    let found = error { () throws(BindingError) in try model.bind(adapter) }
    #expect((found == nil) == (indices == [0, 10]))
  }

  @Test("the recorded base must be this one")
  func baseRecord() throws {
    var model = try SmallModel()
    var adapter = model.adapter()
    #expect(try model.bind(adapter).findings.contains { $0.message.contains("unrecorded") })
    let record = BaseRecord(architecture: "LlamaForCausalLM", tensors: model.base.infos)
    adapter.setBaseRecord(try #require(record).block)
    #expect(try model.bind(adapter).findings.contains { $0.message.contains("identical") })
    var infos = model.base.infos
    infos[0].shape = [12, 6]
    adapter.setBaseRecord(
      try #require(BaseRecord(architecture: "LlamaForCausalLM", tensors: infos)).block)
    guard
      case .wrongBase(_, let differences) = error({ () throws(BindingError) in
        try model.bind(adapter)
      })
    else {
      Issue.record("another base was taken")
      return
    }
    #expect(differences.first?.contains("embed_tokens") == true)
  }

  @Test("values that are not finite, and deltas of zero, are refused")
  func values() throws {
    var model = try SmallModel()
    let zero = Tensor([Double](repeating: 0, count: 18), shape: [9, 2], dtype: .f32)
    var adapter = Adapter(name: "z", kind: .lora)
    adapter.addLowRank("model.layers.0.up_proj", down: model.tensor([2, 6]), up: zero, scaling: 1)
    func failure(_ adapter: Adapter, scale: Double = 1) throws -> BindingError? {
      let binding = try model.bind(adapter, scale: scale)
      do {
        try binding.validateValues()
        return nil
      } catch { return error }
    }
    guard case .noEffect = try failure(adapter) else {
      Issue.record("a delta of zero was taken")
      return
    }
    let honest = model.adapter("h")
    #expect(try failure(honest) == nil)
    guard case .noEffect = try failure(honest, scale: 0) else {
      Issue.record("a scale of zero was taken")
      return
    }
    var damaged = honest
    var numbers = damaged.blocks[0].numbers
    numbers[5] = .nan
    damaged.blocks[0] = Tensor(numbers, shape: [2, 6], dtype: .f32)
    #expect(
      try failure(damaged)
        == .notFinite(adapter: "h", tensor: "model.layers.0.up_proj.lora_A.weight"))
  }

  @Test("a quantised base weight is refused by its type")
  func quantised() throws {
    var model = try SmallModel()
    let tensor = Tensor(dtype: .i8, shape: [9, 6], bytes: Bytes([UInt8](repeating: 1, count: 54)))
    let path = try model.folder.writeCheckpoint(
      "int8", shards: [[("model.layers.0.up_proj.weight", tensor)]])
    let base = try Checkpoint(opening: path)
    let adapter = model.adapter()
    #expect(
      error { () throws(BindingError) in try Binding([AppliedAdapter(adapter)], to: base) }
        == .baseType(adapter: "a", base: "model.layers.0.up_proj.weight", dtype: .i8))
  }
}
