import Testing

@testable import MopzConversion

@Suite("Names of PEFT's tensors")
struct PEFTKeyTests {
  struct Case: Sendable {
    var name: String
    var module: String
    var role: PEFTKey.Role
    var adapterName: String? = nil
  }

  static let cases = [
    Case(name: "base_model.model.a.q.lora_A.weight", module: "a.q", role: .down),
    Case(name: "a.q.lora_B.weight", module: "a.q", role: .up),
    Case(
      name: "base_model.model.a.q.lora_A.default.weight", module: "a.q", role: .down,
      adapterName: "default"),
    Case(name: "base_model.model.a.q.lora_B.bias", module: "a.q", role: .upBias),
    Case(name: "a.emb.lora_embedding_A", module: "a.emb", role: .embeddingDown),
    Case(name: "a.emb.lora_embedding_B.en", module: "a.emb", role: .embeddingUp, adapterName: "en"),
    Case(name: "a.q.lora_magnitude_vector", module: "a.q", role: .magnitude),
    Case(name: "a.q.lora_magnitude_vector.weight", module: "a.q", role: .magnitude),
    Case(
      name: "a.q.lora_magnitude_vector.default.weight", module: "a.q", role: .magnitude,
      adapterName: "default"),
    Case(
      name: "a.q.base_layer.bias", module: "a.q", role: .parameter("bias", wrapping: .baseLayer)),
    Case(name: "a.q.bias", module: "a.q", role: .parameter("bias", wrapping: .none)),
    Case(name: "a.base_layer.out.lora_A.weight", module: "a.out", role: .down),
    Case(
      name: "c.modules_to_save.dense.bias", module: "c.dense",
      role: .parameter("bias", wrapping: .modulesToSave)),
    Case(
      name: "c.modules_to_save.default.weight", module: "c",
      role: .parameter("weight", wrapping: .modulesToSave)),
    Case(name: "c.original_module.dense.bias", module: "c.dense", role: .original("bias")),
    Case(name: "e.token_adapter.trainable_tokens_delta", module: "e", role: .tokenRows),
    Case(
      name: "e.token_adapter.trainable_tokens_delta.default", module: "e", role: .tokenRows,
      adapterName: "default"),
    Case(
      name: "e.token_adapter.base_layer.weight", module: "e",
      role: .parameter("weight", wrapping: .baseLayer)),
    Case(name: "a.q.lora_C.weight", module: "a.q", role: .unknown("lora_C.weight")),
    Case(name: "a.q.lora_A", module: "a.q", role: .unknown("lora_A")),
    Case(name: "a.q.lora_A.x.y.weight", module: "a.q", role: .unknown("lora_A.x.y.weight")),
    Case(name: "weight", module: "", role: .parameter("weight", wrapping: .none)),
  ]

  @Test("a name is taken apart", arguments: cases)
  func parse(_ example: Case) {
    let key = PEFTKey(example.name)
    #expect(key.module == example.module)
    #expect(key.role == example.role)
    #expect(key.adapterName == example.adapterName)
    #expect(key.hasPrefix == example.name.hasPrefix("base_model.model."))
  }
}
