import MopzAdapters
import MopzBytes
import MopzContainer
import MopzConversion
import MopzSharing
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@Suite("Adapters that are added to exact pools")
struct ExactAdditionTests {
  private let folder: TemporaryFolder
  private let mixture = ShardMixture()
  private var path: FilePath { folder("x.mopz") }

  init() throws { folder = try TemporaryFolder() }

  /// Writes a task of the family.
  private func write(_ name: String, poolSeed: UInt64 = 7, maskSeed: UInt64) throws -> DenseFile {
    let file = mixture.drawn(name, poolSeed: poolSeed, maskSeed: maskSeed).file
    try file.write(in: folder)
    return file
  }

  private func convert(_ files: [DenseFile], _ sharing: Conversion.Sharing? = .exact) throws {
    try ConvertedFamily.convert(files, in: folder, to: "x.mopz", sharing)
  }

  @discardableResult
  private func add(
    _ files: DenseFile..., sharing: Conversion.Sharing? = .exact, to file: FilePath? = nil,
    threads: Int = 2
  ) throws -> CommitReport {
    try ContainerChange(
      of: file ?? path,
      options: ContainerChange.Options(threads: WorkerThreads(count: threads))
    ).add(
      try files.map { try SourceArgument(folder($0.name).string) },
      Conversion.Options(sharing: sharing))
  }

  private func copy(_ name: String) throws -> FilePath {
    try folder.write(name, try LivingCollection.bytes(path))
  }

  /// Expects tasks to come back byte for byte, and the container to be sound.
  private func expectSources(
    _ files: [DenseFile], in file: FilePath? = nil,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let file = file ?? path
    let container = try Container(opening: file)
    let sources = try files.map { try SourceArgument(folder($0.name).string) }
    #expect(try ContainerVerification(of: file).findings == [], sourceLocation: location)
    let report = try SourceComparison(of: container, in: file, with: sources).run()
    #expect(report.isEqual && report.comparedTasks.count == files.count, sourceLocation: location)
    for source in files {
      let output = try TemporaryFolder()
      _ = try Export(
        of: try container.task(named: source.name), in: "x.mopz", to: .peft,
        at: output("out")
      ).run()
      for name in ["adapter_model.safetensors", "adapter_config.json"] {
        expectSameBytes(
          try Bytes(mapping: output("out").appending(name)),
          try Bytes(mapping: folder(source.name).appending(name)), name)
      }
    }
  }

  @Test("a sibling finds the family's pools, of one task or of several", arguments: [1, 3])
  func sibling(memberCount: Int) throws {
    let members = try (0..<memberCount).map { try write("task-\($0)", maskSeed: UInt64(20 + $0)) }
    let sibling = try write("task-9", maskSeed: 40)
    try convert(members)
    let before = try Container(opening: path)
    let digests = try members.map { try before.task(named: $0.name).recordDigest }
    let old = try LivingCollection.bytes(path)
    let plain = try copy("plain.mopz")
    let stored = try add(sibling, sharing: nil, to: plain)
    let report = try add(sibling)
    #expect(report.sharing?.plainByteCount == stored.appendedByteCount)
    #expect(3 * report.appendedByteCount < 2 * stored.appendedByteCount)
    let pools = try #require(report.sharing).pools
    #expect(pools.pools.count == 2 && pools.pools.allSatisfy { $0.tasks == ["task-9"] })
    try expectSources(members + [sibling])
    // The first ranges of its pools lie in what was there.
    let after = try Container(opening: path)
    let task = try after.task(named: "task-9")
    let adapter = try task.adapter()
    for pool in adapter.pools {
      let first = try #require(pool.ranges.first)
      #expect(first.visibility == .shared)
      #expect(task.blockInfo(at: first.block).range.upperBound <= old.count)
    }
    let new = try LivingCollection.bytes(path)
    #expect(new[12288..<old.count].elementsEqual(old[12288...]))
    #expect(try members.map { try after.task(named: $0.name).recordDigest } == digests)
    // It depends on nobody: compacted it is a fresh file, and alone it is itself.
    let fresh = folder("fresh.mopz")
    try ContainerWriter.write(
      try (0..<after.taskCount).map { try after.task(at: $0).adapter() }, to: fresh)
    _ = try ContainerChange(of: path).compact()
    expectSameBytes(try Bytes(mapping: path), try Bytes(mapping: fresh))
    _ = try ContainerChange(of: path).remove(members.map(\.name))
    _ = try ContainerChange(of: path).compact()
    try expectSources([sibling])
  }

  @Test("siblings that come at once share what is new among them; threads change no byte")
  func several() throws {
    let first = try write("task-0", maskSeed: 20)
    let (a, b) = (try write("task-1", maskSeed: 21), try write("task-2", maskSeed: 22))
    try convert([first])
    let other = try copy("other.mopz")
    let turns = try copy("turns.mopz")
    let report = try add(a, b, threads: 1)
    try add(b, a, to: other, threads: 2)
    expectSameBytes(try Bytes(mapping: path), try Bytes(mapping: other))
    try expectSources([first, a, b])
    let one = try add(a, to: turns)
    let two = try add(b, to: turns)
    #expect(report.appendedByteCount < one.appendedByteCount + two.appendedByteCount)
    try expectSources([first, a, b], in: turns)
  }

  @Test("what shares nothing with the pools, or finds none, is stored as without the option")
  func unrelated() throws {
    let member = try write("task-0", maskSeed: 20)
    var elements = ElementSource(.f32, seed: 99)
    var stranger = DenseFile("stranger")
    stranger.addPair(
      "model.layers.0.self_attn.q_proj", .f32, down: elements.vectors(6, of: 192),
      up: elements.vectors(6, of: 256))
    try stranger.write(in: folder)
    for sharing in [Conversion.Sharing.exact, nil] {
      try convert([member], sharing)
      let plain = try copy(sharing == nil ? "b.mopz" : "a.mopz")
      try add(stranger, sharing: nil, to: plain)
      let report = try add(stranger)
      #expect(report.sharing?.pools.pools.isEmpty == true)
      expectSameBytes(try Bytes(mapping: path), try Bytes(mapping: plain))
      try expectSources([member, stranger])
    }
  }

  @Test("one changed bit of one element is another shard, and comes back as it was")
  func changedBit() throws {
    let member = try write("task-0", maskSeed: 20)
    let sibling = mixture.drawn("task-9", poolSeed: 7, maskSeed: 20).file
    try convert([member])
    try folder("task-9").createDirectory()
    var weights = try sibling.weights()
    weights[weights.count - 5] ^= 1
    try folder.write("task-9/adapter_model.safetensors", weights)
    try folder.write("task-9/adapter_config.json", sibling.config)
    let report = try add(sibling)
    #expect(report.sharing?.pools.privateCount == 1)
    try expectSources([member, sibling])
  }
}
