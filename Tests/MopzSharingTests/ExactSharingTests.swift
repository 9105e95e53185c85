import MopzAdapters
import MopzBytes
import MopzContainer
import MopzConversion
import MopzSharing
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Pools are found again")
struct ExactSharingTests {
  static func adapters(_ files: [DenseFile]) throws -> [Adapter] {
    try files.map { try $0.imported().adapter }
  }

  @Test(
    "a mixture of shards, of every type and number of shards",
    arguments: [DType.f32, .bf16, .f16], [1, 2, 4])
  func mixture(_ dtype: DType, _ chunkCount: Int) throws {
    let mixture = ShardMixture(dtype: dtype, chunkCount: chunkCount)
    let drawn = mixture.drawn("task", poolSeed: 7, maskSeed: 8)
    let (sharing, _) = try SharedContainer.expectSound(try Self.adapters([drawn.file]))
    #expect(sharing.report.pools.count == 2)
    let sides = [
      (drawn.downMasks, mixture.inFeatures), (drawn.upMasks, mixture.outFeatures),
    ]
    for (pool, (masks, width)) in zip(sharing.report.pools, sides) {
      let counts = ShardMixture.counts(masks)
      #expect(pool.dtype == dtype)
      #expect(pool.shardLength == width / chunkCount)
      #expect(pool.publicCount == counts.public)
      #expect(pool.privateCount == counts.private)
      #expect(pool.tensorCount == mixture.layerCount)
      #expect(pool.tasks == ["task"])
    }
  }

  @Test("tasks that take from one pool share its block, and keep what is their own")
  func tasks() throws {
    let mixture = ShardMixture()
    let drawn = (0..<4).map { task in
      mixture.drawn("task-\(task)", poolSeed: 7, maskSeed: UInt64(20 + task))
    }
    let adapters = try Self.adapters(drawn.map(\.file))
    let (sharing, bytes) = try SharedContainer.expectSound(adapters)
    #expect(sharing.report.pools.count == 2)
    let masks = drawn.map { Set($0.downMasks.flatMap(\.self)).sorted() }
    let counts = ShardMixture.counts(masks)
    #expect(sharing.report.pools[0].publicCount == counts.public)
    #expect(sharing.report.pools[0].privateCount == counts.private)
    #expect(sharing.report.pools[0].tasks == ["task-0", "task-1", "task-2", "task-3"])
    // The public shards lie once in the file, behind the same range for every task.
    let container = try Container(bytes: bytes)
    var places: Set<[Range<Int>]> = []
    for index in 0..<container.taskCount {
      let task = try container.task(at: index)
      let adapter = try task.adapter()
      let shared = adapter.pools.flatMap(\.ranges).filter { $0.visibility == .shared }
      places.insert(shared.map { task.blockInfo(at: $0.block).range })
    }
    #expect(places.count == 1)
  }

  @Test("a frozen A of all tasks is one block already, and stays one")
  func frozenDown() throws {
    var elements = ElementSource(.f32, seed: 3)
    let frozen = elements.vectors(8, of: 128)
    let files = (0..<5).map { task in
      var file = DenseFile("task-\(task)")
      file.addPair("q_proj", .f32, down: frozen, up: elements.vectors(8, of: 96))
      return file
    }
    let (sharing, _) = try SharedContainer.expectSound(try Self.adapters(files))
    #expect(sharing.report.pools.isEmpty)
  }

  @Test("a tied A that is cut to the width of each module is one pool")
  func tiedAndCut() throws {
    var elements = ElementSource(.f32, seed: 4)
    let tied = elements.vectors(16, of: 512)
    var file = DenseFile("vera")
    for (index, width) in [128, 512, 256, 384].enumerated() {
      file.addPair(
        "layers.\(index).q_proj", .f32, down: tied.map { Array($0.prefix(4 * width)) },
        up: elements.vectors(16, of: 64))
    }
    let (sharing, bytes) = try SharedContainer.expectSound(try Self.adapters([file]))
    #expect(sharing.report.pools.count == 1)
    let pool = try #require(sharing.report.pools.first)
    #expect(pool.shardLength == 128)
    #expect(pool.tensorCount == 4)
    #expect(pool.publicCount + pool.privateCount == 16 * 4)
    // 128 + 256 + 384 columns of 16 rows are not stored again; tables take a little of that.
    let plain = try SharedContainer.bytes(of: try Self.adapters([file]))
    #expect(plain.count - bytes.count > 16 * (128 + 256 + 384) * 4 - 1024)
  }

  @Test("PRoLoRA's rotation is a rule, without a table", arguments: [2, 4])
  func rotation(_ chunkCount: Int) throws {
    var elements = ElementSource(.bf16, seed: 5)
    let rank = 8
    let stride = rank / chunkCount
    var file = DenseFile("prolora")
    for layer in 0..<3 {
      let chunks = elements.vectors(rank, of: 256 / chunkCount)
      let down = (0..<rank).map { k in
        (0..<chunkCount).flatMap { c in chunks[(k + c * stride) % rank] }
      }
      file.addPair("layers.\(layer).v_proj", .bf16, down: down, up: elements.vectors(rank, of: 64))
    }
    let (sharing, _) = try SharedContainer.expectSound(try Self.adapters([file]))
    #expect(sharing.report.pools.count == 3)
    for factor in sharing.adapters[0].factors where factor.side == .down {
      #expect(
        factor.indices
          == .affine(
            offset: 0, rowStep: 1, chunkStep: UInt32(stride), modulus: UInt32(rank)))
      #expect(factor.chunkCount == chunkCount)
    }
    #expect(
      !sharing.adapters[0].blocks.contains { $0.dtype.isInteger && $0.shape.dimensionCount == 2 })
  }

  @Test("shards of zeros are not stored, and NaN keeps its bits")
  func zerosAndNaN() throws {
    var elements = ElementSource(.f32, seed: 6)
    let (half, zeros) = (256, [UInt8](repeating: 0, count: 4 * 256))
    func vector(beginningWith bits: [UInt8]) -> [UInt8] { bits + elements.vector(half - 1) }
    // A quiet NaN with a payload, a signalling one, and the first again.
    let quiet = vector(beginningWith: [1, 2, 0xC0, 0x7F])
    var down = elements.vectors(8, of: 512)
    down[3] = elements.vector(half) + quiet
    down[4] = elements.vector(half) + vector(beginningWith: [1, 2, 0x80, 0x7F])
    down[5] = elements.vector(half) + quiet
    // Block-diagonal B: the first half of the columns fills the first half of the rows.
    let up = (0..<8).map { j in
      j < 4 ? elements.vector(half) + zeros : zeros + elements.vector(half)
    }
    var file = DenseFile("blocks")
    file.addPair("q_proj", .f32, down: down, up: up)
    let (sharing, bytes) = try SharedContainer.expectSound(try Self.adapters([file]))
    #expect(sharing.report.pools.map(\.privateCount) == [15, 8])
    let plain = try SharedContainer.bytes(of: try Self.adapters([file]))
    #expect(plain.count - bytes.count > 8 * half * 4)
  }

  @Test("minus zero is not the zero that needs no shard")
  func minusZero() throws {
    var elements = ElementSource(.bf16, seed: 6)
    var file = DenseFile("signs")
    var down = elements.vectors(8, of: 512)
    down[2] = [UInt8](repeating: 0, count: 1024)
    down[5] = (0..<512).flatMap { _ -> [UInt8] in [0, 0x80] }
    down[6] = down[2]
    down[6][1023] = 0x80
    file.addPair("q_proj", .bf16, down: down, up: elements.vectors(8, of: 64))
    let (sharing, _) = try SharedContainer.expectSound(try Self.adapters([file]))
    #expect(sharing.report.pools.count == 1)
    let tensor = try sharing.adapters[0].assembledFactor(0)
    #expect([UInt8](copying: tensor.bytes.span) == down.flatMap(\.self))
  }

  @Test("an untrained B is a rule over one shard of zeros")
  func untrained() throws {
    var elements = ElementSource(.f32, seed: 7)
    var file = DenseFile("untrained")
    for layer in 0..<3 {
      file.addPair(
        "layers.\(layer).q_proj", .f32, down: elements.vectors(8, of: 64),
        up: Array(repeating: [UInt8](repeating: 0, count: 4 * 256), count: 8))
    }
    let (sharing, _) = try SharedContainer.expectSound(try Self.adapters([file]))
    #expect(sharing.report.pools.count == 1)
    for factor in sharing.adapters[0].factors where factor.side == .up {
      #expect(factor.indices == .affine(offset: 0, rowStep: 0, chunkStep: 0, modulus: 1))
    }
  }

  @Test("an untrained B of several tasks is one shard of zeros that all of them take")
  func untrainedFamily() throws {
    var elements = ElementSource(.f32, seed: 8)
    let files = ["a", "b", "c"].map { name in
      var file = DenseFile(name)
      for layer in 0..<3 {
        file.addPair(
          "layers.\(layer).q_proj", .f32, down: elements.vectors(8, of: 64),
          up: Array(repeating: [UInt8](repeating: 0, count: 4 * 256), count: 8))
      }
      return file
    }
    let (sharing, _) = try SharedContainer.expectSound(try Self.adapters(files))
    for adapter in sharing.adapters {
      for factor in adapter.factors where factor.side == .up {
        #expect(factor.indices == .affine(offset: 0, rowStep: 0, chunkStep: 0, modulus: 1))
      }
    }
  }

  @Test("types are never mixed in a pool")
  func mixedTypes() throws {
    let mixture = ShardMixture()
    var other = mixture
    other.dtype = .bf16
    let files = [
      mixture.drawn("wide", poolSeed: 7, maskSeed: 1).file,
      other.drawn("narrow", poolSeed: 7, maskSeed: 1).file,
    ]
    let (sharing, _) = try SharedContainer.expectSound(try Self.adapters(files))
    #expect(sharing.report.pools.map(\.tasks) == [["narrow"], ["narrow"], ["wide"], ["wide"]])
    #expect(sharing.report.pools.map(\.dtype) == [.bf16, .bf16, .f32, .f32])
  }

  @Test("what shares nothing is stored as before", arguments: SeededGenerator.seeds)
  func nothingShared(_ seed: UInt64) throws {
    var elements = ElementSource(.f16, seed: seed)
    let files = (0..<3).map { task in
      var file = DenseFile("task-\(task)")
      file.addPair("q", .f16, down: elements.vectors(8, of: 64), up: elements.vectors(8, of: 80))
      return file
    }
    let (sharing, _) = try SharedContainer.expectSound(try Self.adapters(files))
    #expect(sharing.report.pools.isEmpty)
    #expect(
      sharing.adapters.allSatisfy { adapter in
        adapter.sourceTensors.indices.allSatisfy {
          adapter.sourceTensors[$0].content == .block($0)
        }
      })
  }

  @Test("a tensor that is also used as it is stays as it is")
  func otherUses() throws {
    let drawn = ShardMixture().drawn("task", poolSeed: 7, maskSeed: 8)
    var adapter = try drawn.file.imported().adapter
    // The first A becomes a core's operand besides; its shards must not replace it.
    adapter.targets[0].terms[0].inScaleBlock = 0
    let sharing = try ExactSharing(of: [adapter])
    #expect(sharing.adapters[0].sourceTensors[0].content == .block(0))
    #expect(sharing.report.pools.map(\.tensorCount) == [6, 5])
  }

  @Test("a pool whose table points outside it is refused by the adapter's name")
  func unsoundPool() throws {
    let drawn = ShardMixture().drawn("task", poolSeed: 7, maskSeed: 8)
    var adapter = try ExactSharing(of: [drawn.file.imported().adapter]).adapters[0]
    guard case .explicit(let block) = adapter.factors[0].indices else {
      Issue.record("the first factor has no table")
      return
    }
    let table = adapter.blocks[block]
    var bytes = [UInt8](copying: table.bytes.span)
    bytes[0] = 0xFE
    adapter.blocks[block] = Tensor(dtype: table.dtype, shape: table.shape, bytes: Bytes(bytes))
    let error = #expect(throws: SharingError.self) { try ExactSharing(of: [adapter]) }
    #expect(error.map { "\($0)".contains("\"task\"") && "\($0)".contains("254") } == true)
  }
}
