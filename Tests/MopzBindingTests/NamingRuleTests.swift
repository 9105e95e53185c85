import Testing

@testable import MopzBinding

@Suite("Naming rules")
struct NamingRuleTests {
  @Test("a prefix is added where the base has the longer name, and only there")
  func adds() {
    let rule = NamingRule(removed: "", added: "transformer.")
    let base: Set = ["transformer.h.0.attn.c_attn.weight", "lm_head.weight"]
    #expect(
      rule.apply(to: "h.0.attn.c_attn.weight", exists: base.contains)
        == "transformer.h.0.attn.c_attn.weight")
    #expect(rule.apply(to: "lm_head.weight", exists: base.contains) == "lm_head.weight")
  }

  @Test("a prefix is removed, and what lacks it stays")
  func removes() {
    let rule = NamingRule(removed: "roberta.", added: "")
    #expect(rule.apply(to: "roberta.encoder.x", exists: { _ in false }) == "encoder.x")
    #expect(rule.apply(to: "classifier.x", exists: { _ in false }) == "classifier.x")
  }

  @Test("the nearest names share the end of the path, then take the fewest edits")
  func nearest() {
    let names = [
      "model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.q_proj.weight",
      "model.layers.0.mlp.up_proj.weight", "lm_head.weight",
    ]
    let found = NearestNames.nearest(
      to: "model.layer.0.self_attn.q_proj.weight", among: names, count: 2)
    #expect(
      found == ["model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.q_proj.weight"])
  }

  @Test("edits are counted as Levenshtein did")
  func editDistance() {
    #expect(NearestNames.editDistance("kitten", "sitting") == 3)
    #expect(NearestNames.editDistance("", "abc") == 3)
    #expect(NearestNames.editDistance("abc", "abc") == 0)
  }
}
