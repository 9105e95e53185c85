import MopzAdapters
import MopzBytes
import MopzTestSupport
import Synchronization
import SystemPackage
import Testing

@testable import MopzContainer

@Suite("One writer, and readers that need not wait")
struct UpdaterTests {
  let folder: TemporaryFolder
  var path: FilePath { folder("x.mopz") }

  init() throws {
    folder = try TemporaryFolder()
    try ContainerWriter.write(
      [SampleAdapters.lora("a", seed: 1), SampleAdapters.lora("b", seed: 2)],
      to: folder("x.mopz"))
  }

  private func add(_ name: String, seed: UInt64 = 9, acceptingDamage: Bool = false) throws {
    var updater = try ContainerUpdater(opening: path, acceptsDamagedSlot: acceptingDamage)
    let adapter = SampleAdapters.lora(name, seed: seed)
    try updater.commit(try ContainerPlan(onto: updater.container, adding: [adapter]))
  }

  /// Changes bytes of the file.
  private func overwrite(_ bytes: [UInt8], at offset: Int) throws {
    var file = try OutputFile(updating: path)
    try file.write(bytes.span.rawBytes, at: offset)
    try file.close()
  }

  @Test("a second writer is refused, by any name of the file, until the first is done")
  func lock() throws {
    try folder.link("link.mopz", to: "x.mopz")
    do {
      let first = try ContainerUpdater(opening: path)
      for name in ["x.mopz", "link.mopz"] {
        let error = #expect(throws: ContainerError.self) {
          _ = try ContainerUpdater(opening: folder(name))
        }
        let isBusy = if case .refused(.busy) = error { true } else { false }
        #expect(isBusy && error?.systemError?.isTransient == true)
      }
      #expect(first.container.taskCount == 2)
    }
    // What a writer mapped does not keep its lock.
    let mapped = try Self.container(ofUpdaterAt: path)
    try add("c")
    #expect(try Container(opening: folder("link.mopz")).taskCount == 3)
    #expect(mapped.taskCount == 2)
  }

  /// The container that an updater had open, which is gone.
  private static func container(ofUpdaterAt path: FilePath) throws -> Container {
    let updater = try ContainerUpdater(opening: path)
    return updater.container
  }

  @Test("a link stays one when what it points to is compacted")
  func link() throws {
    try folder.link("link.mopz", to: "x.mopz")
    try Compaction.run(at: folder("link.mopz"))
    #expect(try folder("link.mopz").status(followingLinks: false)?.kind == .symbolicLink)
    #expect(try folder.names() == ["link.mopz", "x.mopz"])
  }

  @Test("a file that is put in place of the open one is not compacted over")
  func replaced() throws {
    #expect(throws: ContainerError.self) {
      try Compaction.run(at: path) {
        try ContainerWriter.write([SampleAdapters.lora("other")], to: path, force: true)
      }
    }
    #expect(try Container(opening: path).taskNames() == ["other"])
    #expect(try folder.names() == ["x.mopz"])
  }

  @Test("bytes that an aborted commit left are cut off by the next")
  func tail() throws {
    let clean = try Bytes(mapping: path).count
    try overwrite([UInt8](repeating: 0xEE, count: 100_000), at: clean + 7)
    try add("c")
    let found = try Bytes(mapping: path)
    #expect(found.count < clean + 100_000)
    #expect(try ContainerVerification(of: path).findings == [])
  }

  @Test("with a damaged slot nothing is changed unless that is accepted, and nothing is cut off")
  func damagedSlot() throws {
    try add("c")
    let newest = try Container(opening: path)
    let lost = try Bytes(mapping: path)
    let copy = [UInt8](copying: lost.span)
    try overwrite([0xFF], at: 8192 + 20)
    let error = #expect(throws: ContainerError.self) { try add("d") }
    guard case .refused(.damagedSlot(_, generation: 1)) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    try add("d", acceptingDamage: true)
    #expect(try ContainerVerification(of: path).findings == [])
    let now = try Container(opening: path)
    #expect(try now.generation == 2 && now.taskNames() == ["a", "b", "d"])
    // Who opened the lost generation still has all of it, and the file has its bytes.
    try newest.task(named: "c").verifyBlocks()
    let file = try Bytes(mapping: path)
    let start = 12288
    let isKept = file.span.extracting(start..<copy.count)
      .hasSameBytes(as: copy.span.rawBytes.extracting(start..<copy.count))
    #expect(isKept)
  }

  @Test("a file with features that only a later writer knows is read and not written to")
  func unknownFeatures() throws {
    let source = try FixtureTests.bytes("valid", "later-minor-version.mopz")
    try folder.write("later.mopz", [UInt8](copying: source.span))
    #expect(try Container(opening: folder("later.mopz")).taskCount == 1)
    #expect(throws: ContainerError.refused(.unknownFeatures(1 << 40))) {
      _ = try ContainerUpdater(opening: folder("later.mopz"))
    }
  }

  @Test("a damaged directory is not built on, a damaged task can be removed and nothing else")
  func damage() throws {
    let container = try Container(opening: path)
    let record = try container.entry(named: "a").entry.recordOffset
    try overwrite([0xFF], at: Int(record) + 200)
    // Adding does not need the record, whose hash stays wrong; compacting does.
    try add("c")
    #expect(throws: ContainerError.self) {
      var updater = try ContainerUpdater(opening: path)
      try updater.commit(
        try ContainerPlan(onto: updater.container, adding: [], removing: ["b"]))
    }
    #expect(throws: ContainerError.self) {
      try Compaction.run(at: path)
    }
    do {
      var updater = try ContainerUpdater(opening: path)
      try updater.commit(
        try ContainerPlan(onto: updater.container, adding: [], removing: ["a"]))
    }
    #expect(try ContainerVerification(of: path).findings == [])
    let directory = try Container(opening: path).slot.directoryOffset
    try overwrite([0xFF], at: Int(directory) + 64 + 70)
    #expect(throws: ContainerError.self) { try add("d") }
  }

  @Test("a reader sees later commits when it asks for them")
  func refresh() throws {
    let reader = try Container(opening: path)
    #expect(try reader.refreshed(from: path) == nil)
    try add("c")
    let later = try #require(try reader.refreshed(from: path))
    #expect(reader.taskCount == 2 && later.taskCount == 3)
    do {
      try Compaction.run(at: path)
    }
    let compacted = try #require(try later.refreshed(from: path))
    #expect(compacted.generation == 1 && compacted.taskCount == 3)
    #expect(try compacted.refreshed(from: path) == nil)
    try later.task(named: "c").verifyBlocks()
  }

  @Test("readers that open and look up all the while never fail")
  func concurrentReaders() throws {
    let isDone = Atomic(false)
    let path = path
    // The first piece writes, the others read.
    let opened = try WorkerThreads(count: 3).map(3) { piece in
      if piece == 0 {
        defer { isDone.store(true, ordering: .relaxed) }
        for step in 0..<40 {
          if step % 10 == 9 {
            try Compaction.run(at: path)
            continue
          }
          var updater = try ContainerUpdater(opening: path)
          let adapter = SampleAdapters.lora("c", seed: UInt64(step))
          let plan = try ContainerPlan(
            onto: updater.container, adding: [adapter],
            removing: updater.container.hasTask(named: "c") ? ["c"] : [])
          try updater.commit(plan)
        }
        return 0
      }
      var count = 0
      repeat {
        let container = try Container(opening: path)
        for name in try container.taskNames() {
          try container.task(named: name).verifyBlocks()
        }
        #expect(container.findings.allSatisfy { $0.severity == .note })
        count += 1
      } while !isDone.load(ordering: .relaxed)
      return count
    }
    #expect(opened.dropFirst().allSatisfy { $0 > 0 })
    #expect(try ContainerVerification(of: path).findings == [])
  }
}
