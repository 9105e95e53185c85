import MopzAdapters
import MopzBytes
import MopzConversion
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzBinding
@testable import MopzForward

@Suite("Projections that several terms share")
struct InputProjectionsTests {
  /// Tasks whose A has rows from one pool of `shardCount` shards, two to a row.
  static func places(
    shardCount: Int, rank: Int, rowCount: Int, taskCount: Int, seed: UInt64, pools: Int = 1
  ) throws -> [InputProjections.Place] {
    var generator = SeededGenerator(seed: seed)
    let blocks = (0..<pools).map { _ in
      Tensor(shape: [shardCount, 12], dtype: .f32, size: 1, using: &generator)
    }
    return try (0..<taskCount).map { task in
      var adapter = Adapter(name: "t", kind: .lora)
      let up = Tensor(shape: [8, rank], dtype: .f32, size: 1, using: &generator)
      let indices = (0..<rank * 2).map { _ in
        UInt8.random(in: 0..<UInt8(shardCount), using: &generator)
      }
      adapter.blocks = [
        blocks[task % pools], up, Tensor(dtype: .u8, shape: [rank * 2], bytes: Bytes(indices)),
      ]
      adapter.pools = [
        Pool(
          shardLength: 12,
          ranges: [
            PoolRange(block: 0, axis: .rows, visibility: .shared, first: 0, count: shardCount)
          ]),
        Pool(shardLength: 8, ranges: [PoolRange(block: 1, axis: .columns, first: 0, count: rank)]),
      ]
      adapter.factors = [
        Factor(
          side: .down, rank: rank, width: 24, chunkCount: 2, pool: 0, indices: .explicit(block: 2)),
        Factor(side: .up, rank: rank, width: 8, pool: 1),
      ]
      let bound = BoundTerm(adapter: 0, term: Term(scaling: 1, down: 0, up: 1), scale: 1)
      let term = PreparedTerm(
        try ExpandedTerm(bound, of: adapter, target: "w"), isForward: true)
      return InputProjections.Place(
        term: term, rows: task * rowCount..<(task + 1) * rowCount)
    }
  }

  static func input(rows: Int, columns: Int, seed: UInt64) -> Activations {
    var generator = SeededGenerator(seed: seed)
    let x = Activations(rows: rows, columns: columns)
    for row in 0..<rows {
      var values = x.mutableRow(row)
      for column in 0..<columns { values[column] = Float(generator.nextBell()) }
    }
    return x
  }

  @Test("tasks over one pool are one product, and each gets what it gets alone")
  func together() throws {
    let places = try Self.places(
      shardCount: 5, rank: 8, rowCount: 3, taskCount: 4, seed: 1)
    let projections = InputProjections(places)
    #expect(projections.groups == [[0, 1, 2, 3]])
    let x = Self.input(rows: 12, columns: 24, seed: 2)
    let values = projections.values(of: x, WorkerThreads(count: 2))
    for (place, z) in zip(places, values) {
      let alone = place.term.projected(x, rows: place.rows)
      #expect(z.count == alone.count)
      #expect(zip(z, alone).allSatisfy { ($0 - $1).magnitude <= 1e-5 })
      // The control: another task's rows are other numbers.
      let other = places[place.rows.lowerBound == 0 ? 1 : 0]
      let wrong = other.term.projected(x, rows: place.rows)
      #expect(!zip(z, wrong).allSatisfy { ($0 - $1).magnitude <= 1e-2 })
    }
  }

  @Test("terms that share nothing, or too little, are worked out by themselves")
  func apart() throws {
    let distinct = try Self.places(
      shardCount: 5, rank: 8, rowCount: 3, taskCount: 3, seed: 1, pools: 3)
    #expect(InputProjections(distinct).groups == [[0], [1], [2]])
    // Many shards for few vectors of a task: every row would pay for all of them.
    let large = try Self.places(
      shardCount: 200, rank: 40, rowCount: 500, taskCount: 3, seed: 1)
    #expect(InputProjections(large).groups == [[0], [1], [2]])
    #expect(InputProjections([]).groups.isEmpty)
  }

  @Test("a batch of tasks from one file gives every task what it gets alone")
  func batch() throws {
    let folder = try TemporaryFolder()
    let sources =
      try ["first", "second"].map {
        try SourceArgument("\($0)=\(Fixtures.path("foreign/adapters/llama-f32/mos").string)")
      } + [try SourceArgument(Fixtures.path("foreign/adapters/llama-f32/mos-gates").string)]
    _ = try Conversion(of: sources, to: folder("a.mopz")).run()
    let base = try Checkpoint(opening: Fixtures.path("foreign/models/llama-f32"))
    let tasks = try SourceArgument(folder("a.mopz").string).sources()
    let variants = try tasks.map { task in
      let adapter = try task.imported().adapter
      return ModelVariant(unmerged: try Binding([AppliedAdapter(adapter)], to: base))
    }
    let config = try Bytes(mapping: Fixtures.path("foreign/models/llama-f32/config.json"))
    let object = try #require(try JSON(parsing: config.span).objectValue)
    let description = try ModelDescription(config: object) { base.location(of: $0) != nil }
    let tokens = TokenSequences(
      source: "row", sequences: [[5, 9, 11, 60], [7, 8, 3, 2], [1, 40, 41, 42]])
    let mixed = try ForwardModel(description, variants).outputs(for: tokens, tasks: [0, 1, 2])
    var start = 0
    for (task, ids) in tokens.sequences.enumerated() {
      let own = TokenSequences(source: "row", sequences: [ids])
      let alone = try ForwardModel(description, [variants[task]]).outputs(for: own)
      let plain = try ForwardModel(description, [ModelVariant(base)]).outputs(for: own)
      let part = Array(mixed[start..<start + ids.count])
      #expect(Self.difference(part, alone) <= 1e-5, "task \(task)")
      #expect(Self.difference(part, plain) > 1e-3, "task \(task)")
      start += ids.count
    }
  }

  private static func difference(_ a: [[Float]], _ b: [[Float]]) -> Float {
    zip(a, b).map { x, y in zip(x, y).map { ($0 - $1).magnitude }.max() ?? 0 }.max() ?? 0
  }
}
