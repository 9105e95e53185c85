import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Mixtures of shards as they were trained")
struct MixtureOfShardsTests {
  static let path = "foreign/adapters/llama-f32/mos"

  @Test("tables, pools and the shards of each layer are read as they are")
  func tables() throws {
    let adapter = try ForeignAdapterTests.imported(Self.path).adapter
    #expect(adapter.kind == .mixtureOfShards)
    #expect(adapter.targets.count == 8)
    for target in adapter.targets {
      let term = try #require(target.terms.first)
      #expect(term.scaling == 16 / 4)
      #expect(term.core == .identity)
      for index in [term.down, term.up] {
        let factor = adapter.factors[index]
        #expect(factor.rank == 4)
        #expect(factor.chunkCount == 2)
        let pool = adapter.pools[factor.pool]
        // e·L·l = 12 shards, of which L·p·l = 4 belong to one layer each.
        #expect(pool.ranges.map(\.count) == [8, 4])
        #expect(pool.ranges.map(\.visibility) == [.shared, .isPrivate])
        #expect(pool.ranges[0].axis == (factor.side == .down ? .rows : .columns))
        guard case .explicit(let block) = factor.indices else {
          Issue.record("a factor has no table")
          continue
        }
        #expect(adapter.blocks[block].dtype == .i64)
      }
    }
    #expect(adapter.sourceTensors.count { $0.disposition == .scalar } == 16)
  }

  @Test("the assembled factors are those of the dense form, bit for bit")
  func dense() throws {
    let mixture = try ForeignAdapterTests.imported(Self.path).adapter
    let dense = try ForeignAdapterTests.imported(Self.path + "-dense").adapter
    let targets = Dictionary(grouping: dense.targets, by: \.module)
    for target in mixture.targets {
      let other = try #require(targets[target.module]?.first)
      for (a, b) in [
        (target.terms[0].down, other.terms[0].down), (target.terms[0].up, other.terms[0].up),
      ] {
        let found = try mixture.assembledFactor(a)
        let expected = try dense.assembledFactor(b)
        #expect(found.shape == expected.shape)
        expectSameBytes(found.bytes, expected.bytes, target.module)
      }
      #expect(target.terms[0].scaling == other.terms[0].scaling)
    }
  }

  @Test("the pools, which the file has once for every layer, are stored once")
  func storedOnce() throws {
    let folder = try TemporaryFolder()
    let source = try ConversionTests.source("adapters/llama-f32/mos", as: "mos")
    let report = try ConversionTests.convert([source], in: folder)
    let task = try Container(opening: folder("out.mopz")).task(named: "mos")
    // Four projections, two pools each; what a second layer repeats is saved.
    let pools = [(12 + 12 + 12 + 12) * 12, (12 + 6 + 12 + 6) * 12]
    #expect(report.savedByteCount >= 4 * pools.reduce(0, +))
    let adapter = try task.adapter()
    let blocks = Set(adapter.pools.flatMap(\.ranges).map(\.block))
    #expect(blocks.count == 8)
    #expect(blocks.reduce(0) { $0 + adapter.blocks[$1].bytes.count } == 4 * pools.reduce(0, +))
    _ = try Export(of: task, in: "out.mopz", to: .peft, at: folder("back")).run()
    for name in ["adapter_model.safetensors", "adapter_config.json"] {
      expectSameBytes(
        try Bytes(mapping: folder("back").appending(name)),
        try Bytes(mapping: Fixtures.path(Self.path).appending(name)), name)
    }
    #expect(
      try SourceComparison(
        of: Container(opening: folder("out.mopz")), in: "out.mopz", with: [source]
      ).run().isEqual)
  }

  @Test("gates that are not 1 are a core; where two vectors make them, their product is")
  func gates() throws {
    let adapter = try ForeignAdapterTests.imported(Self.path + "-gates").adapter
    let header = adapter.sourceTensors
    for target in adapter.targets {
      guard case .diagonal(let block) = target.terms[0].core else {
        Issue.record("\(target.module) has no gates")
        continue
      }
      let gates = try #require(
        header.first { $0.name == "base_model.model.\(target.module).lora_A_vec" })
      guard case .block(let vector) = gates.content else { continue }
      #expect(adapter.blocks[block].numbers == adapter.blocks[vector].numbers.map { $0 * 0.5 })
      let pool = adapter.pools[adapter.factors[target.terms[0].down].pool]
      #expect(pool.ranges.map(\.visibility) == [.shared])
    }
  }

  // MARK: Damage

  /// One module: 6 shards of A `[2]` and B `[3]`, rank 2, two shards to a vector.
  static func sample(
    down: [Float] = [0, 1, 2, 3], up: [Float] = [3, 0, 5, 1], withGates: Bool = true
  ) -> SampleAdapter {
    var sample = SampleAdapter()
    let prefix = "base_model.model.q."
    sample.add(prefix + "lora_A.weight", [6, 2])
    sample.add(prefix + "lora_B.weight", [3, 6])
    if withGates { sample.add(prefix + "lora_A_vec", [2]) }
    sample.add(prefix + "lora_pair_mask", [down.count], .i64, values: down)
    sample.add(prefix + "lora_pair_mask_B", [up.count], .i64, values: up)
    sample.config = [
      "peft_type": "LORA", "r": 2, "lora_alpha": 4, "ft_mode": "mos", "num_chunk_per_vec": 2,
    ]
    return sample
  }

  @Test("a table of a sound module is taken")
  func sound() throws {
    let adapter = try Self.sample().imported().adapter
    #expect(adapter.factors.map(\.width) == [4, 6])
    #expect(try Self.sample(withGates: false).imported().adapter.factors.map(\.rank) == [2, 2])
  }

  @Test(
    "tables that name no shard, or contradict each other, are refused by their name",
    arguments: [
      ([0, 1, 2, 6], [0, 1, 2, 3], Refusal.Rule.values, "lora_pair_mask"),
      ([0, 1, 2, -1], [0, 1, 2, 3], .values, "lora_pair_mask"),
      ([0, 1, 2, 3], [0, 1, 2, 9], .values, "lora_pair_mask_B"),
      ([0, 1, 2, 3], [0, 1, 2, 3, 4, 5], .shape, "lora_pair_mask_B"),
      ([0, 1, 2], [0, 1, 2], .shape, "lora_A_vec"),
      ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], .contradiction, "lora_pair_mask"),
    ] as [([Float], [Float], Refusal.Rule, String)])
  func refused(_ down: [Float], _ up: [Float], _ rule: Refusal.Rule, _ name: String) throws {
    let refusal = try #require(try Self.sample(down: down, up: up).refusal())
    #expect(refusal.rule == rule)
    #expect(refusal.tensor == "base_model.model.q.\(name)")
  }

  @Test("a rank that the configuration contradicts is refused")
  func rank() throws {
    var sample = Self.sample()
    sample.config = [
      "peft_type": "LORA", "r": 3, "lora_alpha": 4, "ft_mode": "mos", "num_chunk_per_vec": 2,
    ]
    #expect(try sample.refusal()?.rule == .rank)
  }

  @Test("variants that the published method does not have are carried, not guessed at")
  func variants() throws {
    for field in ["enable_lora_bias", "enable_lora_rotation", "init2zero_via_vec"] {
      var sample = Self.sample()
      var config = sample.config?.objectValue ?? JSONObject()
      config[field] = .bool(true)
      sample.config = .object(config)
      let adapter = try sample.imported().adapter
      #expect(adapter.kind.rawValue == "mos-variant")
      #expect(adapter.targets.isEmpty)
    }
  }

  @Test("private shards are seen where the tables show them, and only there")
  func privacy() {
    let masks = [[3, 0, 1, 5, 4, 5], [2, 1, 0, 3, 6, 7]]
    #expect(ShardPrivacy.publicCount(shardCount: 8, masks: masks, chunkCount: 2) == 8)
    let own = [[3, 0, 1, 2, 4, 5], [2, 1, 0, 3, 6, 7]]
    #expect(ShardPrivacy.publicCount(shardCount: 8, masks: own, chunkCount: 2) == 4)
    #expect(ShardPrivacy.publicCount(shardCount: 8, masks: own.reversed(), chunkCount: 2) == 4)
    #expect(ShardPrivacy.publicCount(shardCount: 9, masks: own, chunkCount: 2) == 9)
    #expect(ShardPrivacy.publicCount(shardCount: 4, masks: [[0, 1, 2, 3]], chunkCount: 4) == 0)
  }
}
