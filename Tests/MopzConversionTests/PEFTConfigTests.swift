import MopzAdapters
import MopzBytes
import Testing

@testable import MopzConversion

@Suite("The configuration of a LoRA")
struct PEFTConfigTests {
  static func config(_ fields: JSON) throws -> PEFTConfig {
    let object = try #require(SampleAdapter.config(fields).objectValue)
    return try PEFTConfig(ConfigReader(object, subject: "x", file: "adapter_config.json"))
  }

  @Test("scaling is alpha over rank, or over its root where ranks are stabilised")
  func scaling() throws {
    let plain = try Self.config(["lora_alpha": 16])
    #expect(plain.scaling(alpha: 16, rank: 4) == 4)
    let stabilised = try Self.config(["use_rslora": true])
    #expect(stabilised.scaling(alpha: 16, rank: 4) == 8)
    #expect(stabilised.scaling(alpha: 16, rank: 3) == 16 / 3.0.squareRoot())
  }

  @Test("missing fields have PEFT's defaults, and alpha may have a fraction")
  func defaults() throws {
    let reader = ConfigReader(JSONObject(), subject: "x", file: "c")
    let config = try PEFTConfig(reader)
    #expect(config.rank == 8)
    #expect(config.alpha == 8)
    #expect(config.bias == .none)
    let fraction = try JSON(parsing: #"{"lora_alpha": 12.5, "r": 4.0}"#)
    let other = try PEFTConfig(
      ConfigReader(try #require(fraction.objectValue), subject: "x", file: "c"))
    #expect(other.alpha == 12.5)
    #expect(other.rank == 4)
  }

  @Test("patterns give ranks and alphas to the modules they match")
  func patterns() throws {
    let config = try Self.config([
      "rank_pattern": ["q_proj": 2, #"layers\.1\.mlp\.down_proj"#: 6],
      "alpha_pattern": ["q_proj": 16, #"mlp\.up_proj"#: 3],
    ])
    #expect(config.ranks(of: "model.layers.0.self_attn.q_proj") == [2])
    #expect(config.ranks(of: "model.layers.1.mlp.down_proj") == [6])
    #expect(config.ranks(of: "model.layers.0.mlp.down_proj") == [4])
    #expect(config.alphas(of: "model.layers.0.self_attn.q_proj") == [16])
    #expect(config.alphas(of: "model.layers.0.mlp.up_proj") == [3])
    #expect(config.alphas(of: "model.layers.0.mlp.gate_proj") == [8])
  }

  @Test("several alphas for one module are all given, the file's first one first")
  func ambiguity() throws {
    let config = try Self.config(["alpha_pattern": [".*q_proj": 2, "q_proj": 16]])
    #expect(config.alphas(of: "a.q_proj") == [2, 16])
  }

  @Test(
    "a field of the wrong type is refused by its name",
    arguments: [
      ("r", "4"), ("r", true), ("r", 0), ("r", -1), ("r", JSON(1000.5)), ("r", nil),
      ("lora_alpha", nil),
      ("lora_alpha", "8"), ("use_rslora", 1), ("use_dora", "yes"), ("rank_pattern", [1]),
      ("rank_pattern", ["q": "x"]), ("alpha_pattern", ["(": 2]), ("bias", "some"), ("bias", 1),
      ("modules_to_save", [1]), ("trainable_token_indices", "x"),
      ("trainable_token_indices", [-1]), ("trainable_token_indices", [3, 3]),
      ("init_lora_weights", 3), ("fan_in_fan_out", "false"),
    ] as [(String, JSON)])
  func wrongTypes(_ field: String, _ value: JSON) throws {
    #expect {
      _ = try Self.config([field: value])
    } throws: { error in
      guard let refusal = error as? Refusal else { return false }
      return refusal.rule == .config && refusal.message.contains(field)
    }
  }

  @Test(
    "flags that make more of an adapter than its factors give it a kind of its own",
    arguments: [
      ("alora_invocation_tokens", [5, 6], "alora"), ("use_qalora", true, "qalora"),
      ("arrow_config", ["top_k": 3], "arrow"),
      ("init_lora_weights", "pissa_niter_16", "pissa-unconverted"),
      ("init_lora_weights", "olora", "olora-unconverted"),
      ("init_lora_weights", "loftq", "loftq-unconverted"),
      ("init_lora_weights", "lora_ga", "lora-ga-unconverted"),
      ("init_lora_weights", "something_new", "something-new-unconverted"),
      ("layer_replication", [[0, 4], [2, 5]], "lora-replicated-layers"),
      ("target_parameters", ["mlp.experts.gate_up_proj"], "lora-expert-parameters"),
      ("kasa_config", ["beta": 1], "kasa-unconverted"),
    ] as [(String, JSON, String)])
  func unmergeable(_ field: String, _ value: JSON, _ tag: String) throws {
    #expect(try Self.config([field: value]).unmergeableTag == tag)
  }

  @Test(
    "harmless initialisations change nothing",
    arguments: [true, false, "gaussian", "eva", "orthogonal", nil] as [JSON])
  func harmless(_ value: JSON) throws {
    #expect(try Self.config(["init_lora_weights": value]).unmergeableTag == nil)
  }

  @Test("fields that are not known are listed if they say something")
  func unknownFields() throws {
    let config = try Self.config(["use_brandnew": true, "other_new": nil, "third": [] as JSON])
    #expect(config.unknownKeys == ["use_brandnew"])
  }

  @Test("as many patterns as modules are bounded work, a flood of large ones is not")
  func patternEffort() throws {
    var plain = JSONObject()
    for index in 0..<2000 { plain["model.layers.\(index).q_proj"] = 2 }
    let paths = (0..<2000).map { "model.layers.\($0).self_attn.q_proj" }
    #expect(try Self.config(["rank_pattern": .object(plain)]).canMatch(modulePaths: paths))
    var large = JSONObject()
    for index in 0..<300 { large["(a?){900}\(index)"] = 2 }
    #expect(try !Self.config(["alpha_pattern": .object(large)]).canMatch(modulePaths: paths))
  }

  @Test("token rows are found for the input embedding and by a module's name")
  func tokenRows() throws {
    let list = try Self.config(["trainable_token_indices": [1, 5]])
    #expect(list.tokenRows(of: "model.embed_tokens") == [1, 5])
    let map = try Self.config(["trainable_token_indices": ["embed_tokens": [2], "lm_head": [3]]])
    #expect(map.tokenRows(of: "model.embed_tokens") == [2])
    #expect(map.tokenRows(of: "lm_head") == [3])
    #expect(map.tokenRows(of: "xlm_head") == nil)
  }
}
