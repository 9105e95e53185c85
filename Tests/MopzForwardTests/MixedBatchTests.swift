import MopzBytes
import MopzForward
import MopzTestSupport
import Testing

@Suite("Batches of several tasks")
struct MixedBatchTests {
  private static func largestDifference(_ a: [[Float]], _ b: [[Float]]) -> Float {
    zip(a, b).map { x, y in zip(x, y).map { ($0 - $1).magnitude }.max() ?? 0 }.max() ?? 0
  }

  @Test("a batch of eight tasks gives the peer's outputs, and every row those of its task alone")
  func mixed() throws {
    let example = try ForwardCase.named("llama-gqa-f32+mixed")
    let tokens = try example.tokens()
    let variants = try example.adapters.indices.map {
      ModelVariant(unmerged: try example.binding($0))
    }
    let description = try example.description()
    let model = ForwardModel(description, variants)
    let tasks = Array(variants.indices)
    let rows = try model.outputs(for: tokens, tasks: tasks)
    #expect(try example.difference(rows, to: "logits") <= ForwardModelTests.tolerance)

    let length = tokens.sequences[0].count
    for task in tasks {
      let own = TokenSequences(source: "row", sequences: [tokens.sequences[task]])
      let alone = try ForwardModel(description, [variants[task]]).outputs(for: own)
      let part = Array(rows[task * length..<(task + 1) * length])
      #expect(Self.largestDifference(part, alone) <= 1e-4, "row \(task)")
      // The next task's adapter is another one.
      let other = try ForwardModel(description, [variants[(task + 1) % 8]]).outputs(for: own)
      #expect(Self.largestDifference(part, other) > 1e-2, "row \(task)")
    }
  }

  @Test("tasks with magnitudes, terms on the ends and none at all share a batch")
  func kinds() throws {
    let examples = try ["llama-gqa-f32+dora-all", "llama-gqa-f32+ends", "llama-gqa-f32+lora-all"]
      .map { try ForwardCase.named($0) }
    var variants = try examples.map { ModelVariant(unmerged: try $0.binding()) }
    variants.append(ModelVariant(try examples[0].base()))
    let sequence = try examples[0].tokens().sequences[0]
    let tokens = TokenSequences(
      source: "row", sequences: variants.indices.map { Array(sequence[..<(12 + $0)]) })
    let description = try examples[0].description()
    let rows = try ForwardModel(description, variants).outputs(
      for: tokens, tasks: Array(variants.indices))
    var start = 0
    for (task, ids) in tokens.sequences.enumerated() {
      let own = TokenSequences(source: "row", sequences: [ids])
      let alone = try ForwardModel(description, [variants[task]]).outputs(for: own)
      let part = Array(rows[start..<start + ids.count])
      #expect(Self.largestDifference(part, alone) <= 1e-4, "task \(task)")
      start += ids.count
    }
    #expect(start == rows.count)
  }

  @Test("a task that replaces a tensor shares a batch with one that does not")
  func replacement() throws {
    let example = try ForwardCase.named("roberta-classify-f32+classifier")
    let tokens = try example.tokens()
    let variants = [
      ModelVariant(unmerged: try example.binding()), ModelVariant(try example.base()),
    ]
    let description = try example.description()
    let mixed = try ForwardModel(description, variants).outputs(for: tokens, tasks: [0, 1, 0])
    let adapted = try ForwardModel(description, [variants[0]]).outputs(for: tokens)
    let plain = try ForwardModel(description, [variants[1]]).outputs(for: tokens)
    #expect(
      Self.largestDifference(mixed, [adapted[0], plain[1], adapted[2]]) <= 1e-4)
    #expect(Self.largestDifference(adapted, plain) > 1e-2)
  }

  @Test("the number of threads changes nothing")
  func threads() throws {
    for name in [
      "llama-gqa-f32+lora-all", "gemma2-f32+lora-all", "roberta-classify-f32+classifier",
    ] {
      let example = try ForwardCase.named(name)
      let model = ForwardModel(
        try example.description(), [ModelVariant(unmerged: try example.binding())])
      let one = try model.outputs(for: example.tokens(), threads: WorkerThreads(count: 1))
      let three = try model.outputs(for: example.tokens(), threads: WorkerThreads(count: 3))
      #expect(one == three)
    }
  }
}
