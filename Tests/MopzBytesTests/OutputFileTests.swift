import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzBytes

@Suite struct OutputFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("appends of all sizes come out in order", arguments: SeededGenerator.seeds)
  func appends(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var expected: [UInt8] = []
    var file = try OutputFile(creating: folder("out"))
    for _ in 0..<60 {
      let large = Int.random(in: 0..<4, using: &generator) == 0
      let count = Int.random(in: 0...(large ? 300_000 : 5000), using: &generator)
      let piece = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      try file.append(piece)
      try file.appendZeros(count: count / 7)
      expected += piece + [UInt8](repeating: 0, count: count / 7)
      #expect(file.byteCount == expected.count)
    }
    try file.close()
    expectSameBytes(try Bytes(mapping: folder("out")), Bytes(expected))
  }

  @Test("a file that exists is not created again")
  func exclusive() throws {
    try folder.write("out", "old")
    #expect(throws: SystemError(operation: "create", path: folder("out"), errno: .fileExists)) {
      _ = try OutputFile(creating: folder("out"))
    }
  }

  @Test("a write at an offset goes over what was appended, or past the end")
  func writeAtOffset() throws {
    var file = try OutputFile(creating: folder("out"))
    try file.append([1, 2, 3, 4])
    try file.write(Bytes([9]).span, at: 1)
    try file.write(Bytes([8]).span, at: 6)
    #expect(file.byteCount == 7)
    try file.append([5])
    try file.synchronize()
    expectSameBytes(try Bytes(mapping: folder("out")), Bytes([1, 9, 3, 4, 0, 0, 8, 5]))
  }

  @Test("a file can be updated, cut and extended")
  func update() throws {
    try folder.write("out", [1, 2, 3])
    var file = try OutputFile(updating: folder("out"))
    #expect(file.byteCount == 3)
    try file.append([4])
    try file.resize(to: 2)
    try file.append([7])
    try file.resize(to: 5)
    try file.append([6])
    try file.close()
    expectSameBytes(try Bytes(mapping: folder("out")), Bytes([1, 2, 7, 0, 0, 6]))
  }

  @Test("reserving space changes neither length nor content")
  func reserve() throws {
    var file = try OutputFile(creating: folder("out"))
    try file.reserve(byteCount: 1 << 20)
    try file.append([1])
    try file.close()
    #expect(try folder("out").status()?.byteCount == 1)
  }

  @Test(
    "a range of another file is appended, by the kernel or through memory",
    arguments: [
      false, true,
    ])
  func copyRange(throughMemory: Bool) throws {
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 24) }
    let source = try InputFile(opening: folder.write("in", bytes))
    #expect(source.byteCount == bytes.count)
    let log = FileEventLog()
    // With an observer, the bytes pass through memory.
    try FileEvent.$observer.withValue(throughMemory ? log.observe : nil) {
      var file = try OutputFile(creating: folder("out"))
      try file.append([42])
      try file.append(7..<2_500_001, of: source)
      try file.append(0..<0, of: source)
      try file.append([43])
      try file.close()
    }
    #expect(log.events.isEmpty == !throughMemory)
    expectSameBytes(
      try Bytes(mapping: folder("out")), Bytes([42] + bytes[7..<2_500_001] + [43]))
  }

  @Test("a source that is shorter than the range is an error", arguments: [false, true])
  func shortSource(throughMemory: Bool) throws {
    let source = try InputFile(opening: folder.write("in", [1, 2, 3]))
    let log = FileEventLog()
    FileEvent.$observer.withValue(throughMemory ? log.observe : nil) {
      #expect(throws: SystemError(operation: "read", path: folder("in"), errno: .ioError)) {
        var file = try OutputFile(creating: folder("out"))
        try file.append(1..<4, of: source)
      }
    }
  }

  @Test("many threads write their ranges at a time")
  func positioned() async throws {
    var file = try OutputFile(creating: folder("out"))
    try file.resize(to: 64_000)
    let positioned = file.positioned
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<64 {
        group.addTask {
          let piece = Bytes([UInt8](repeating: UInt8(index), count: 1000))
          try positioned.write(piece.span, at: index * 1000)
        }
      }
      try await group.waitForAll()
    }
    try file.close()
    let expected = (0..<64).flatMap { [UInt8](repeating: UInt8($0), count: 1000) }
    expectSameBytes(try Bytes(mapping: folder("out")), Bytes(expected))
  }

  @Test("a file that is locked cannot be locked again until its holder is gone")
  func lock() throws {
    try folder.write("out", "x")
    do {
      let first = try OutputFile(updating: folder("out"))
      let second = try OutputFile(updating: folder("out"))
      #expect(try first.tryLock())
      #expect(try !second.tryLock())
      _ = first.byteCount
    }
    let third = try OutputFile(updating: folder("out"))
    #expect(try third.tryLock())
  }

  @Test("an open file is recognised after another took its name")
  func identity() throws {
    try folder.write("out", "x")
    let file = try OutputFile(updating: folder("out"))
    #expect(try file.status().identity == folder("out").status()?.identity)
    var other = try AtomicFile(creating: folder("out"), force: true)
    try other.file.append([1])
    try other.commit()
    #expect(try file.status().identity != folder("out").status()?.identity)
  }

  @Test("a closed file refuses appends as a broken promise")
  func closed() async {
    await #expect(processExitsWith: .failure) { [path = folder("out").string as String] in
      var file = try OutputFile(creating: FilePath(path))
      try file.close()
      try file.append([UInt8](repeating: 0, count: 1 << 20))
    }
  }

  @Test("a full disk is an error that may pass")
  func fullDisk() throws {
    guard try FilePath("/dev/full").exists() else { return }
    // The device takes no bytes at all, as a full disk.
    let handle = try FileHandle(opening: "/dev/full", .writeOnly, options: [])
    let error = try #require(throws: SystemError.self) {
      try PositionedOutput(handle: handle).write(Bytes([1]).span, at: 0)
    }
    #expect(error.errno == .noSpace && error.isTransient)
  }

  @Test("what is no regular file is not opened", arguments: ["/dev/null", "/"])
  func special(path: String) {
    #expect(throws: SystemError.self) { _ = try InputFile(opening: FilePath(path)) }
    #expect(throws: SystemError.self) { _ = try OutputFile(updating: FilePath(path)) }
  }
}
