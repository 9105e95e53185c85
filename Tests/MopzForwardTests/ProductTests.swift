import MopzForward
import MopzLinearAlgebra
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import Testing

/// What can multiply by weights; nil for OpenBLAS.
private let products: [SplitProduct?] = [nil] + SplitProduct.allCases.filter(\.isAvailable)

@Suite("Products of a pass")
struct ProductTests {
  private func outputs(
    _ example: ForwardCase, _ variants: [ModelVariant], by product: SplitProduct?
  ) throws -> [[Float]] {
    var model = ForwardModel(try example.description(), variants)
    model.splitProduct = product
    return try model.outputs(for: example.tokens())
  }

  @Test(
    "every product gives the peer's outputs, with weights of every type and orientation",
    arguments: [
      "llama-gqa-f32+lora-all", "llama-gqa-bf16+lora-all", "llama-gqa-f16+lora-all",
      "gpt2-f32+lora-all", "llama-gqa-f32+dora-all",
    ])
  func everyProduct(_ name: String) throws {
    let example = try ForwardCase.named(name)
    let plain = try outputs(example, [ModelVariant(unmerged: example.binding())], by: nil)
    for product in products {
      let unmerged = try outputs(
        example, [ModelVariant(unmerged: example.binding())], by: product)
      #expect(try example.difference(unmerged, to: example.output) <= 1e-5)
      // It is another product that is compared here.
      #expect((unmerged == plain) == (product == nil))
      let merged = try outputs(
        example, [ModelVariant(idealMergeOf: example.binding())], by: product)
      if try example.file().tensor(named: "merged_logits") != nil {
        #expect(try example.difference(merged, to: "merged_logits") <= 1e-5)
      }
    }
  }

  /// A base with other numbers in the first rows of its head.
  private func base(
    of example: ForwardCase, in folder: TemporaryFolder, head rows: [[Double]]
  ) throws -> Checkpoint {
    let base = try example.base()
    let tensors = try base.infos.map { info in
      let (name, tensor) = (info.name, try #require(base.tensor(named: info.name)))
      guard name == "lm_head.weight" else { return (name: name, tensor: tensor) }
      let front = rows.flatMap { $0 }
      let numbers = front + tensor.numbers[front.count...]
      return (name: name, tensor: Tensor(numbers, shape: tensor.shape, dtype: tensor.dtype))
    }
    return try Checkpoint(opening: folder.writeCheckpoint("base", shards: [tensors]))
  }

  @Test(
    "weights that tiles cannot multiply neither vanish nor spread",
    arguments: ["llama-gqa-f32", "llama-gqa-bf16"])
  func unusualWeights(_ name: String) throws {
    let example = try ForwardCase.named(name)
    let width = try example.description().hiddenSize
    // Subnormal numbers; infinities; what is not a number in one place.
    let tiny = (0..<width).map { _ in 0x1p-130 }
    let endless = (0..<width).map { $0 == 3 ? Double.infinity : 0.25 }
    let unknown = (0..<width).map { $0 == 5 ? Double.nan : 0.25 }
    let folder = try TemporaryFolder()
    let changed = try base(of: example, in: folder, head: [tiny, endless, unknown])
    let expected = try outputs(example, [ModelVariant(changed)], by: nil)
    for product in products {
      let found = try outputs(example, [ModelVariant(changed)], by: product)
      for (row, other) in zip(found, expected) {
        #expect(row[0] != 0 && abs(row[0] / other[0] - 1) < 1e-2)
        #expect(!row[1].isFinite && row[1].isNaN == other[1].isNaN)
        #expect(row[2].isNaN)
        for (a, b) in zip(row[3...], other[3...]) { #expect(abs(a - b) < 1e-4) }
      }
    }
  }
}
