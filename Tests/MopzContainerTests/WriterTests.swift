import MopzAdapters
import MopzBytes
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzContainer

@Suite("Containers are written canonically")
struct WriterTests {
  static let adapters = [
    SampleAdapters.lora("m", seed: 1, modules: 3), SampleAdapters.lora("k", seed: 2),
    SampleAdapters.lora("z", seed: 1, modules: 2), SampleAdapters.lora("ä", seed: 3, dtype: .f16),
  ]

  @Test("the order of the tasks and the number of threads change no byte", arguments: 1...4)
  func deterministic(_ threads: Int) throws {
    let expected = try ContainerBytes.of(Self.adapters)
    var shuffled = Self.adapters
    var generator = SeededGenerator(seed: UInt64(threads))
    shuffled.shuffle(using: &generator)
    let found = try ContainerBytes.of(shuffled, threads: WorkerThreads(count: threads))
    expectSameBytes(found, expected)
  }

  @Test("a written container has the canonical form, and verifies")
  func canonical() throws {
    let bytes = try ContainerBytes.of(Self.adapters)
    let verification = try ContainerVerification(of: bytes, requiresCanonicalForm: true)
    #expect(verification.findings == [])
    #expect(verification.taskCount == 4)
    #expect(verification.hashedByteCount > 0)
  }

  @Test("what a container gives back is written as the same container")
  func rewritten() throws {
    let bytes = try ContainerBytes.of(Self.adapters)
    let container = try Container(bytes: bytes)
    let adapters = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    expectSameBytes(try ContainerBytes.of(adapters), bytes)
  }

  @Test("equal blocks are stored once, within a task and across tasks")
  func deduplication() throws {
    var twin = SampleAdapters.lora("a", seed: 1, modules: 1)
    twin.blocks.append(twin.blocks[1])
    twin.sourceTensors[0].content = .block(3)
    let plan = try ContainerPlan(of: [twin, SampleAdapters.lora("b", seed: 1, modules: 1)])
    #expect(plan.blockCount == 3)
    #expect(plan.blocks.count(where: \.isShared) == 3)
    #expect(plan.referencedByteCount == 2 * plan.storedBlockByteCount)
    #expect(plan.tasks.map(\.privateRange.isEmpty) == [true, true])
  }

  @Test("the same bytes with another type or shape are another block")
  func identity() throws {
    var adapter = Adapter(name: "a", kind: .lora)
    let bytes = Bytes(byteCount: 16) { _ in }
    for (dtype, shape) in [
      (DType.f32, Shape([4])), (.f32, [2, 2]), (.u32, [4]), (.f32, [4, 1]), (.u8, [16]),
    ] {
      adapter.blocks.append(Tensor(dtype: dtype, shape: shape, bytes: bytes))
      let index = adapter.sourceTensors.count
      adapter.sourceTensors.append(
        SourceTensor(
          name: "\(index)", dtype: dtype, shape: shape, content: .block(index),
          disposition: .carried))
    }
    adapter.files = [
      SourceFile(name: "w", role: .weights, headerForm: .standard, tensors: 0..<5)
    ]
    #expect(try ContainerPlan(of: [adapter]).blockCount == 5)
  }

  @Test("blocks with one hash and other bytes are not taken for equal")
  func collision() {
    var table = BlockTable()
    let first = StoredBlock(raw: SampleAdapters.tensor(.f32, [4], seed: 1))
    var second = StoredBlock(raw: SampleAdapters.tensor(.f32, [4], seed: 2))
    second.contentHash = first.contentHash
    #expect(table.use(first, byTask: 0) == 0)
    #expect(table.use(second, byTask: 1) == 1)
    #expect(table.use(second, byTask: 2) == 1)
    #expect(table.use(first, byTask: 2) == 0)
    #expect(table.entries.map(\.taskCount) == [2, 2])
  }

  @Test("a plan knows the length of its file")
  func length() throws {
    let plan = try ContainerPlan(of: Self.adapters)
    #expect(try ContainerBytes.of(Self.adapters).count == plan.committedByteCount)
  }

  @Test("large blocks start at a page, small ones at 64 bytes")
  func alignment() throws {
    var adapter = SampleAdapters.lora("a")
    adapter.blocks[1] = SampleAdapters.tensor(.f32, [4, 16], seed: 9)
    let large = SampleAdapters.tensor(.u8, [65536], seed: 4)
    adapter.blocks.append(large)
    adapter.baseRecordBlock = nil
    adapter.sourceTensors.append(
      SourceTensor(
        name: "large", dtype: .u8, shape: large.shape, content: .block(adapter.blocks.count - 1),
        disposition: .carried))
    adapter.files[1].tensors = 0..<adapter.sourceTensors.count
    let task = try Container(bytes: try ContainerBytes.of([adapter])).task(named: "a")
    #expect(task.isOpaque)
    for index in 0..<task.blockCount {
      let info = task.blockInfo(at: index)
      #expect(info.range.lowerBound % (info.range.count >= 65536 ? 4096 : 64) == 0)
      #expect(task.privateRange.contains(info.range.lowerBound))
    }
  }

  @Test("a container replaces the one that readers have mapped")
  func replaceMapped() throws {
    let folder = try TemporaryFolder()
    let path = folder("x.mopz")
    try ContainerWriter.write([SampleAdapters.lora("old")], to: path)
    let old = try Container(opening: path)
    #expect(throws: ContainerError.self) {
      try ContainerWriter.write([SampleAdapters.lora("new")], to: path)
    }
    let rewritten = try old.task(named: "old").adapter()
    try ContainerWriter.write([rewritten, SampleAdapters.lora("new")], to: path, force: true)
    #expect(try old.taskNames() == ["old"])
    try old.task(named: "old").verifyBlocks()
    #expect(try Container(opening: path).taskNames() == ["new", "old"])
  }
}
