import MopzAdapters
import MopzBytes
import MopzTensors
import Testing

@testable import MopzConversion

@Suite("A PEFT LoRA as canonical values")
struct PEFTImportTests {
  static func sample(_ fields: JSON = [:]) -> SampleAdapter {
    var sample = SampleAdapter()
    sample.config = SampleAdapter.config(fields)
    return sample
  }

  @Test("a pair becomes a term over two private pools")
  func pair() throws {
    var sample = Self.sample()
    sample.addPair("model.q_proj", rank: 4)
    let adapter = try sample.imported().adapter
    #expect(adapter.kind == .lora)
    #expect(adapter.rankMax == 4)
    let target = try #require(adapter.targets.first)
    #expect(target.module == "model.q_proj")
    #expect(target.layout == .linear)
    #expect(target.kind == .additive)
    let term = try #require(target.terms.first)
    #expect(term.scaling == 2)
    let down = adapter.factors[term.down]
    let up = adapter.factors[term.up]
    #expect((down.rank, down.width, down.side) == (4, 6, .down))
    #expect((up.rank, up.width, up.side) == (4, 5, .up))
    let downRange = try #require(adapter.pools[down.pool].ranges.first)
    #expect((downRange.axis, downRange.count) == (.rows, 4))
    let upRange = try #require(adapter.pools[up.pool].ranges.first)
    #expect((upRange.axis, upRange.count) == (.columns, 4))
    #expect(adapter.blocks[upRange.block].shape == [5, 4])
    #expect(adapter.sourceTensors.allSatisfy { $0.disposition == .consumed })
  }

  @Test("names without prefix and with the adapter's own name mean the same module")
  func spellings() throws {
    for (a, b) in [
      ("m.q.lora_A.weight", "m.q.lora_B.weight"),
      ("base_model.model.m.q.lora_A.default.weight", "base_model.model.m.q.lora_B.default.weight"),
      ("base_model.model.m.base_layer.q.lora_A.weight", "base_model.model.m.q.lora_B.weight"),
    ] {
      var sample = Self.sample()
      sample.add(a, [4, 6])
      sample.add(b, [5, 4])
      #expect(try sample.imported().adapter.targets.map(\.module) == ["m.q"])
    }
  }

  @Test("layouts follow the flag, the factors' shapes and their names")
  func layouts() throws {
    var transposed = Self.sample(["fan_in_fan_out": true])
    transposed.addPair("h.c_attn", rank: 4)
    #expect(try transposed.imported().adapter.targets.map(\.layout) == [.transposed])

    var convolution = Self.sample(["fan_in_fan_out": true])
    convolution.add("stem.lora_A.weight", [4, 3, 3, 3])
    convolution.add("stem.lora_B.weight", [10, 4, 1, 1])
    let adapter = try convolution.imported().adapter
    #expect(adapter.targets.map(\.layout) == [.convolution])
    #expect(adapter.factors.map(\.width) == [27, 10])

    var embedding = Self.sample()
    embedding.add("e.lora_embedding_A", [4, 67])
    embedding.add("e.lora_embedding_B", [24, 4])
    let table = try embedding.imported().adapter
    #expect(table.targets.map(\.layout) == [.embedding])
    #expect(table.factors.map(\.width) == [67, 24])
  }

  @Test("a convolution in groups is carried")
  func groups() throws {
    var sample = Self.sample()
    sample.add("c.lora_A.weight", [4, 3, 3, 3])
    sample.add("c.lora_B.weight", [10, 2, 1, 1])
    let adapter = try sample.imported().adapter
    #expect(adapter.kind.rawValue == "lora-grouped-convolution")
    #expect(adapter.targets.isEmpty)
    #expect(adapter.sourceTensors.allSatisfy { $0.disposition == .carried })
  }

  @Test("a bias on B is added to the base's bias with the same scale")
  func upBias() throws {
    var sample = Self.sample(["lora_bias": true])
    sample.addPair("q", rank: 4)
    sample.add("base_model.model.q.lora_B.bias", [5])
    let targets = try sample.imported().adapter.targets
    #expect(targets.map(\.kind) == [.additive, .denseDelta])
    #expect(targets[1].parameter == "bias")
    #expect(targets[1].scalars == [Scalar(role: .scaling, value: 2)])
  }

  @Test("a magnitude makes a DoRA")
  func magnitude() throws {
    var sample = Self.sample(["use_dora": true])
    sample.addPair("q", rank: 4)
    sample.add("base_model.model.q.lora_magnitude_vector", [5])
    let adapter = try sample.imported().adapter
    #expect(adapter.kind == .dora)
    #expect(adapter.targets.map(\.kind) == [.magnitude])
    #expect(adapter.targets[0].operand(.magnitude) != nil)
  }

  @Test("a saved module replaces the base's, and the wrapper's copy has no effect")
  func replacements() throws {
    var sample = Self.sample(["modules_to_save": ["classifier"]])
    sample.addPair("q", rank: 4)
    sample.add("base_model.model.classifier.modules_to_save.weight", [3, 5])
    sample.add("base_model.model.classifier.original_module.weight", [3, 5])
    let adapter = try sample.imported().adapter
    let replacement = try #require(adapter.targets.first { $0.kind == .replacement })
    #expect(replacement.module == "classifier")
    #expect(replacement.layout == .whole)
    #expect(adapter.sourceTensors.map(\.disposition).filter { $0 == .redundant }.count == 1)
  }

  @Test("two names for one parameter are one replacement if they agree, else refused")
  func copies() throws {
    var sample = Self.sample(["modules_to_save": ["c"]])
    sample.addPair("q", rank: 4)
    sample.add("base_model.model.c.modules_to_save.bias", [3])
    sample.add("base_model.model.c.bias", [3])
    let adapter = try sample.imported().adapter
    #expect(adapter.targets.count { $0.kind == .replacement } == 1)
    let copy = try #require(adapter.sourceTensors.first { $0.disposition == .redundant })
    #expect(copy.name == "base_model.model.c.modules_to_save.bias")
    sample.values["base_model.model.c.bias"] = [1, 2, 1]
    #expect(try sample.refusal()?.rule == .coverage)
  }

  @Test("the base's weight comes before the update of the same weight")
  func embeddingWithBase() throws {
    var sample = Self.sample()
    sample.add("base_model.model.embed_tokens.lora_embedding_A", [4, 7])
    sample.add("base_model.model.embed_tokens.lora_embedding_B", [6, 4])
    sample.add("base_model.model.embed_tokens.base_layer.weight", [7, 6])
    let targets = try sample.imported().adapter.targets
    #expect(targets.map(\.kind) == [.replacement, .additive])
  }

  @Test("token rows come with the configuration's indices")
  func tokenRows() throws {
    var sample = Self.sample(["trainable_token_indices": [1, 5, 66]])
    sample.addPair("q", rank: 4)
    sample.add("base_model.model.embed_tokens.token_adapter.trainable_tokens_delta", [3, 6])
    let adapter = try sample.imported().adapter
    let target = try #require(adapter.targets.first { $0.kind == .rowReplacement })
    let indices = adapter.blocks[try #require(target.operand(.indices))]
    #expect(indices.view.int64Elements() == [1, 5, 66])
    sample.config?["trainable_token_indices"] = [1, 5]
    #expect(try sample.refusal()?.rule == .contradiction)
  }

  @Test("the packed projection of an attention is its own parameter")
  func packedAttention() throws {
    var sample = Self.sample()
    sample.add("base_model.model.attn.lora_A.weight", [4, 6])
    sample.add("base_model.model.attn.lora_B.weight", [18, 4])
    sample.add("base_model.model.attn.base_layer.out_proj.lora_A.weight", [4, 6])
    sample.add("base_model.model.attn.base_layer.out_proj.lora_B.weight", [6, 4])
    let targets = try sample.imported().adapter.targets
    #expect(targets.map(\.module) == ["attn", "attn.out_proj"])
    #expect(targets.map(\.parameter) == ["in_proj_weight", "weight"])
  }

  @Test("a rank that the configuration does not allow is refused, any allowed one is not")
  func ranks() throws {
    var sample = Self.sample(["rank_pattern": ["q": 2, ".*": 3]])
    sample.addPair("q", rank: 3)
    #expect(try sample.refusal() == nil)
    sample.config?["rank_pattern"] = ["k": 3]
    let refusal = try #require(try sample.refusal())
    #expect(refusal.rule == .rank)
    #expect(refusal.message.contains("rank 3") && refusal.message.contains("rank 4"))
  }

  @Test("several alphas for one module are warned of")
  func ambiguousAlpha() throws {
    var sample = Self.sample(["alpha_pattern": [".*q": 4, "q": 16]])
    sample.addPair("q", rank: 4)
    let imported = try sample.imported()
    #expect(imported.adapter.targets[0].terms[0].scaling == 1)
    #expect(imported.findings.contains { $0.severity == .warning && $0.rule == "SCALING" })
  }

  @Test("what contradicts itself is refused, naming the tensor")
  func contradictions() throws {
    let cases: [(Refusal.Rule, String, (inout SampleAdapter) -> Void)] = [
      (.pair, "q.lora_A.weight", { $0.tensors.removeLast() }),
      (.pair, "q.lora_B.weight", { $0.tensors.removeFirst() }),
      (.shape, "q.lora_B.weight", { $0.tensors[1].shape = [5, 3] }),
      (.shape, "q.lora_A.weight", { $0.tensors[0].shape = [24] }),
      (.shape, "q.lora_B.weight", { $0.tensors[0].shape = [4, 3, 3] }),
      (.elementType, "q.lora_A.weight", { $0.tensors[0].dtype = .i32 }),
      (.contradiction, "q.lora_A.weight", { $0.config?["use_dora"] = true }),
      (
        .contradiction, "q.lora_magnitude_vector",
        { $0.add("base_model.model.q.lora_magnitude_vector", [5]) }
      ),
      (.coverage, "q.lora_C.weight", { $0.add("base_model.model.q.lora_C.weight", [4]) }),
      (.coverage, "q.weight", { $0.add("base_model.model.q.weight", [5, 6]) }),
      (.coverage, "norm.weight", { $0.add("base_model.model.norm.weight", [5]) }),
      (.coverage, "q.bias", { $0.add("base_model.model.q.bias", [5]) }),
      (.pair, "k.lora_B.bias", { $0.add("base_model.model.k.lora_B.bias", [5]) }),
      (
        .pair, "q.lora_A.default.weight",
        { $0.add("base_model.model.q.lora_A.default.weight", [4, 6]) }
      ),
    ]
    for (rule, name, change) in cases {
      var sample = Self.sample()
      sample.addPair("q", rank: 4)
      change(&sample)
      let refusal = try #require(try sample.refusal(), "\(rule) of \(name)")
      #expect(refusal.rule == rule)
      #expect(refusal.tensor?.hasSuffix(name) == true, "\(refusal)")
    }
  }

  @Test("two adapters in one file are refused")
  func twoNames() throws {
    var sample = Self.sample()
    for name in ["en", "de"] {
      sample.add("q\(name).lora_A.\(name).weight", [4, 6])
      sample.add("q\(name).lora_B.\(name).weight", [5, 4])
    }
    #expect(try sample.refusal()?.rule == .coverage)
  }

  @Test("a bias mode explains biases")
  func biases() throws {
    var sample = Self.sample(["bias": "all"])
    sample.addPair("q", rank: 4)
    sample.add("base_model.model.q.base_layer.bias", [5])
    sample.add("base_model.model.norm.bias", [5])
    let targets = try sample.imported().adapter.targets.filter { $0.kind == .replacement }
    #expect(targets.map(\.module) == ["q", "norm"])
    #expect(targets.allSatisfy { $0.parameter == "bias" })
  }

  @Test("an unknown field that says something is warned of")
  func unknownField() throws {
    var sample = Self.sample(["use_brandnew": true])
    sample.addPair("q", rank: 4)
    let findings = try sample.imported().findings
    #expect(findings.contains { $0.severity == .warning && $0.message.contains("use_brandnew") })
  }

  @Test(
    "other methods are carried under their own names",
    arguments: [
      ("PREFIX_TUNING", "prefix-tuning"), ("IA3", "ia3"), ("NO_SUCH_METHOD", "no-such-method"),
    ])
  func otherMethods(_ method: String, _ tag: String) throws {
    var sample = Self.sample(["peft_type": JSON(method)])
    sample.add("prompt_embeddings", [3, 4])
    let imported = try sample.imported()
    #expect(imported.adapter.kind.rawValue == tag)
    #expect(imported.adapter.sourceTensors.map(\.disposition) == [.carried])
    let isUnknown = imported.findings.contains { $0.severity == .warning }
    #expect(isUnknown == (tag == "no-such-method"))
  }
}
