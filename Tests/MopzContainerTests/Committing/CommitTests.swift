import MopzAdapters
import MopzBytes
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzContainer

@Suite("Commits add, replace and remove tasks")
struct CommitTests {
  let folder: TemporaryFolder
  var path: FilePath { folder("x.mopz") }

  init() throws { folder = try TemporaryFolder() }

  /// Adds and removes in one commit.
  @discardableResult
  private func commit(
    adding adapters: [Adapter] = [], removing names: [String] = [], acceptingDamage: Bool = false
  ) throws -> ContainerPlan {
    var updater = try ContainerUpdater(opening: path, acceptsDamagedSlot: acceptingDamage)
    let plan = try ContainerPlan(onto: updater.container, adding: adapters, removing: names)
    try updater.commit(plan)
    return plan
  }

  @Test(
    "whatever was added, replaced and removed, the file is whole and has the tasks it should have",
    arguments: SeededGenerator.seeds)
  func histories(seed: UInt64) throws {
    var history = try CommitHistory(at: path, seed: seed)
    var readers: [(container: Container, names: [String])] = []
    for _ in 0..<16 {
      let container = try Container(opening: path)
      readers.append((container, try container.taskNames()))
      let step = try history.step()
      try history.check(step)
    }
    // Readers have what they opened.
    for (container, names) in readers {
      #expect(try container.taskNames() == names)
      for name in names { try container.task(named: name).verifyBlocks() }
    }
    // Compacted, it is what a conversion of the same tasks gives.
    try Compaction.run(at: path)
    let fresh = try ContainerBytes.of(Array(history.expected.values))
    expectSameBytes(try Bytes(mapping: path), fresh)
    #expect(try ContainerVerification(of: path, requiresCanonicalForm: true).findings == [])
  }

  @Test("a block that the file has is not written again, whoever uses it")
  func reuse() throws {
    try ContainerWriter.write([SampleAdapters.lora("a", seed: 1, modules: 8)], to: path)
    let twin = try commit(adding: [SampleAdapters.lora("b", seed: 1, modules: 8)])
    #expect(twin.storedBlockByteCount == 0 && twin.blocks.allSatisfy(\.isStored))
    // The first user goes, the blocks stay.
    try commit(removing: ["a"])
    #expect(try ContainerVerification(of: path).findings == [])
    let third = try commit(adding: [SampleAdapters.lora("c", seed: 1, modules: 8)])
    #expect(third.storedBlockByteCount == 0)
    // The last user goes, so do the blocks: what is dead is not used again.
    try commit(removing: ["b", "c"])
    let again = try commit(adding: [SampleAdapters.lora("d", seed: 1, modules: 8)])
    #expect(again.blocks.allSatisfy { !$0.isStored })
    #expect(try ContainerVerification(of: path).findings == [])
  }

  @Test("a task that is replaced by one with the same blocks keeps them")
  func replacedByItself() throws {
    var adapter = SampleAdapters.lora("a", seed: 1, inFeatures: 8192)
    try ContainerWriter.write([adapter, SampleAdapters.lora("b", seed: 2)], to: path)
    adapter.properties = [Property(key: "note", value: "changed")]
    let plan = try commit(adding: [adapter], removing: ["a"])
    #expect(plan.storedBlockByteCount == 0)
    #expect(try ContainerVerification(of: path).findings == [])
    #expect(try Container(opening: path).task(named: "a").adapter().properties.count == 1)
  }

  @Test("blocks with one hash and other bytes are not taken for equal")
  func collision() throws {
    try ContainerWriter.write([SampleAdapters.lora("a", seed: 1)], to: path)
    let container = try Container(opening: path)
    let stored = StoredBlock(of: try container.task(named: "a"), at: 1)
    var other = StoredBlock(raw: SampleAdapters.tensor(stored.dtype, stored.shape, seed: 77))
    other.contentHash = stored.contentHash
    let content = TaskContent(
      adapter: SampleAdapters.lora("b"), blocks: [stored, other], order: [0, 1])
    let found = StoredBlocks(in: try CheckedCommit(of: container), matching: [content])
    #expect(found.find(stored) != nil)
    #expect(found.find(other) == nil)
  }

  @Test("a commit rewrites 96 bytes a task and the names, and nothing else")
  func rewrittenBytes() throws {
    let adapters = (0..<200).map { SampleAdapters.lora("task-\($0)", seed: UInt64($0)) }
    try ContainerWriter.write(adapters, to: path)
    let before = try Bytes(mapping: path)
    let old = [UInt8](copying: before.span)
    let plan = try commit(adding: [SampleAdapters.lora("new", seed: 999)])
    let names = adapters.reduce(3) { $0 + $1.name.utf8.count }
    // Besides: the new task, its index entries, a header and a gap for each, one dead extent.
    let own = plan.storedBlockByteCount + Int(plan.tasks[0].entry.recordLength)
    let index = 64 + 32 * plan.blocks.count
    #expect(plan.appendedByteCount <= 96 * 201 + names + own + index + 64 + 16 + 64 * 9)
    let mapped = try Bytes(mapping: path)
    let new = [UInt8](copying: mapped.span)
    #expect(new[12288..<old.count].elementsEqual(old[12288...]))
    #expect(new[0..<8192].elementsEqual(old[0..<8192]), "the slot in use is not written")
  }

  @Test("a name that is taken and a task that is not there are refused, and nothing changes")
  func names() throws {
    try ContainerWriter.write([SampleAdapters.lora("a")], to: path)
    let before = try Bytes(mapping: path)
    #expect(throws: ContainerError.violation(.entryOrder, .task("a"))) {
      try commit(adding: [SampleAdapters.lora("a", seed: 2)])
    }
    #expect(throws: ContainerError.noSuchTask("b")) { try commit(removing: ["a", "b"]) }
    expectSameBytes(try Bytes(mapping: path), before)
  }

  @Test("every valid fixture can be added to, have its tasks removed, and be compacted")
  func fixtures() throws {
    for name in FixtureTests.valid where name != "later-minor-version.mopz" {
      let source = try FixtureTests.bytes("valid", name)
      try folder.write("x.mopz", [UInt8](copying: source.span))
      let tasks = try Container(bytes: source).taskNames()
      // Its own tasks once more under other names: coded blocks are found as well.
      let twins = try tasks.map { task in
        var twin = try Container(bytes: source).task(named: task).adapter()
        twin.name = String("~\(task)".prefix(200))
        return twin
      }
      let plan = try commit(adding: twins)
      #expect(plan.storedBlockByteCount == 0, "\(name)")
      #expect(try ContainerVerification(of: path).isSound, "\(name)")
      try commit(adding: [SampleAdapters.lora("new")], removing: tasks)
      #expect(try ContainerVerification(of: path).isSound, "\(name)")
      try Compaction.run(at: path)
      let compacted = try ContainerVerification(of: path, requiresCanonicalForm: true)
      #expect(compacted.findings == [], "\(name)")
      try folder("x.mopz").removeTree()
    }
  }
}
