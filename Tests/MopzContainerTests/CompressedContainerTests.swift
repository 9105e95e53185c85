import MopzAdapters
import MopzBytes
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzContainer

@Suite("Compressed containers hold what raw ones hold")
struct CompressedContainerTests {
  static let adapters = [
    SampleAdapters.lora("m", seed: 1, modules: 3, rank: 16, inFeatures: 64, outFeatures: 96),
    SampleAdapters.lora("k", seed: 2, rank: 8, inFeatures: 256, outFeatures: 64, dtype: .bf16),
    SampleAdapters.lora("z", seed: 1, modules: 2, rank: 16, inFeatures: 64, outFeatures: 96),
    SampleAdapters.lora("ä", seed: 3, rank: 16, inFeatures: 512, dtype: .f16),
  ]

  static func bytes(
    _ adapters: [Adapter] = adapters, memory: Int = 256 << 20, threads: Int = 2
  ) throws -> Bytes {
    let folder = try TemporaryFolder()
    let plan = try ContainerPlan(
      of: adapters, compression: Compression(scratch: folder.path, memoryByteCount: memory),
      threads: WorkerThreads(count: threads))
    var file = try OutputFile(creating: folder("x"))
    try plan.write(to: &file)
    try file.close()
    // Nothing else is left in the scratch directory.
    #expect(try folder.path.directoryEntries().map(\.name.string) == ["x"])
    return try Bytes(mapping: folder("x"))
  }

  @Test("every tensor, file and table comes back, and verification is content")
  func contents() throws {
    let compressed = try Self.bytes()
    let raw = try ContainerBytes.of(Self.adapters)
    #expect(compressed.count < raw.count)
    let verification = try ContainerVerification(of: compressed, requiresCanonicalForm: true)
    #expect(verification.findings == [])
    let (one, other) = (try Container(bytes: compressed), try Container(bytes: raw))
    #expect(try one.taskNames() == other.taskNames())
    for name in try one.taskNames() {
      let (task, plain) = (try one.task(named: name), try other.task(named: name))
      #expect(task.blockCount == plain.blockCount && task.tensorCount == plain.tensorCount)
      #expect((0..<task.blockCount).contains { task.blockInfo(at: $0).codec == .planes })
      for index in 0..<task.blockCount {
        let (block, expected) = (try task.tensor(ofBlock: index), try plain.tensor(ofBlock: index))
        #expect(block.dtype == expected.dtype && block.shape == expected.shape)
        expectSameBytes(block.bytes, expected.bytes)
        #expect(task.reader.block(index).contentHash == plain.reader.block(index).contentHash)
      }
      #expect(task.files == plain.files)
      #expect(try task.baseDigest() == plain.baseDigest())
    }
    // What it gives back is written raw as it was.
    let adapters = try (0..<one.taskCount).map { try one.task(at: $0).adapter() }
    expectSameBytes(try ContainerBytes.of(adapters), raw)
  }

  @Test("threads, order and how much fits in memory change no byte", arguments: 1...4)
  func deterministic(_ threads: Int) throws {
    let expected = try Self.bytes()
    expectSameBytes(try Self.bytes(Self.adapters.reversed(), threads: threads), expected)
    expectSameBytes(try Self.bytes(memory: 0, threads: threads), expected)
    expectSameBytes(try Self.bytes(memory: 5000, threads: threads), expected)
  }

  @Test("compressed again it has the same bytes, and blocks that are kept as they are as well")
  func again() throws {
    let expected = try Self.bytes()
    let container = try Container(bytes: expected)
    let adapters = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    expectSameBytes(try Self.bytes(adapters), expected)
  }

  @Test("a block that is stored raw and one that is compressed are one block")
  func mixedEncodings() throws {
    let tensor = SampleAdapters.tensor(.bf16, [64, 64], seed: 4)
    let raw = StoredBlock(raw: tensor)
    let encoded = try #require(BlockEncoder().encoded(tensor))
    let planes = StoredBlock(encoded, contentHash: raw.contentHash)
    var table = BlockTable()
    #expect(table.use(raw, byTask: 0) == 0)
    #expect(table.use(planes, byTask: 1) == 0)
    // Only the bytes count: another tensor under the same hash is another block.
    let other = try #require(
      BlockEncoder().encoded(SampleAdapters.tensor(.bf16, [64, 64], seed: 5)))
    #expect(table.use(StoredBlock(other, contentHash: raw.contentHash), byTask: 2) == 1)
  }

  @Test("blocks in eight bits stay as the fit made them")
  func rowsInt8() throws {
    let tensor = SampleAdapters.tensor(.f32, [4, 16], seed: 2)
    let elements = tensor.view.float32Elements()
    let values = try #require(elements)
    let encoded = try #require(RowsInt8.encoded(values, shape: [4, 16], as: .f32))
    let block = StoredBlock(
      encoded, contentHash: StoredBlock(raw: try encoded.decoded()).contentHash)
    let folder = try TemporaryFolder()
    var compression = BlockCompression(
      Compression(scratch: folder.path, memoryByteCount: 0), threads: WorkerThreads(count: 1))
    let kept = try compression.compressed([block])
    #expect(kept.map(\.codec) == [.rowsInt8])
    expectSameBytes(kept[0].bytes, encoded.bytes)
  }

  @Test("a flipped bit anywhere in the blocks is found")
  func damage() throws {
    let bytes = try Self.bytes([Self.adapters[1]])
    let task = try Container(bytes: bytes).task(at: 0)
    var generator = SeededGenerator(seed: 77)
    for block in 0..<task.blockCount {
      let range = task.blockInfo(at: block).range
      for _ in 0..<5 {
        var changed = [UInt8](copying: bytes.span)
        changed[Int.random(in: range, using: &generator)] ^= 1 << UInt8.random(in: 0...7)
        let damaged = Bytes(changed)
        #expect(try !ContainerVerification(of: damaged).isSound)
        #expect(throws: ContainerError.self) {
          try Container(bytes: damaged).task(at: 0).verifyBlocks()
        }
      }
    }
  }
}
