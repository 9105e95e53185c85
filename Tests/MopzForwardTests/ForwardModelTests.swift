import MopzBinding
import MopzBytes
import MopzForward
import MopzSafetensors
import MopzTestSupport
import Testing

@Suite("Outputs of models that peers computed, too")
struct ForwardModelTests {
  static let bases = ForwardCase.all.filter { $0.adapters.isEmpty }
  static let adapted = ForwardCase.all.filter { $0.adapters.count == 1 }
  static let tolerance = 1e-4

  @Test(
    "the outputs of every base are the peer's, whatever the spelling of its configuration",
    arguments: bases)
  func base(of example: ForwardCase) throws {
    #expect(example.configs.count == 2)
    for config in example.configs {
      let model = ForwardModel(
        try example.description(config), [ModelVariant(try example.base())])
      let rows = try model.outputs(for: example.tokens())
      let difference = try example.difference(rows, to: example.output)
      #expect(difference <= Self.tolerance, "\(config): \(difference)")
    }
  }

  @Test("an unmerged adapter gives the peer's outputs", arguments: adapted)
  func unmerged(_ example: ForwardCase) throws {
    let model = ForwardModel(
      try example.description(), [ModelVariant(unmerged: try example.binding())])
    let difference = try example.difference(
      model.outputs(for: example.tokens()), to: example.output)
    #expect(difference <= Self.tolerance, "\(difference)")
  }

  @Test("an ideal merge gives the outputs of the peer's merge", arguments: adapted)
  func merged(_ example: ForwardCase) throws {
    guard try example.file().tensor(named: "merged_logits") != nil else { return }
    let model = ForwardModel(
      try example.description(), [ModelVariant(idealMergeOf: try example.binding())])
    let difference = try example.difference(
      model.outputs(for: example.tokens()), to: "merged_logits")
    #expect(difference <= Self.tolerance, "\(difference)")
  }
}
