import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

/// Whatever a crash leaves of an output, it is the old one or the new one.
@Suite struct CrashTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// States that may stand at `out` after a crash anywhere within `body`, drawn many times.
  private func outcomes(
    seed: UInt64, of body: () throws -> Void
  ) throws -> Set<[String: [UInt8]]> {
    var simulation = try CrashSimulation(of: folder.path)
    let log = FileEventLog()
    try FileEvent.$observer.withValue(log.observe) { try body() }
    var generator = SeededGenerator(seed: seed)
    var outcomes: Set<[String: [UInt8]]> = []
    for event in log.events {
      simulation.follow(event)
      for _ in 0..<64 {
        let state = simulation.outcome(using: &generator)
        outcomes.insert(state.files.filter { $0.key.hasPrefix("/out") })
      }
    }
    return outcomes
  }

  @Test("a file is the old one or the new one", arguments: SeededGenerator.seeds)
  func file(seed: UInt64) throws {
    try folder.write("out", "old")
    let outcomes = try outcomes(seed: seed) {
      var output = try AtomicFile(creating: folder("out"), force: true)
      try output.file.append([1, 2, 3])
      try output.file.flush()
      try output.file.append([4])
      try output.commit()
    }
    #expect(outcomes == [["/out": Array("old".utf8)], ["/out": [1, 2, 3, 4]]])
  }

  @Test("a directory is nothing or whole", arguments: SeededGenerator.seeds)
  func directory(seed: UInt64) throws {
    let outcomes = try outcomes(seed: seed) {
      let output = try AtomicDirectory(creating: folder("out"), force: false)
      try write([1, 2], to: output.path.appending("a"))
      try output.path.appending("sub").createDirectory()
      try write([3], to: output.path.appending("sub/b"))
      try output.commit()
    }
    #expect(outcomes == [[:], ["/out/a": [1, 2], "/out/sub/b": [3]]])
  }

  @Test("a replaced directory is the old one or the new one", arguments: SeededGenerator.seeds)
  func replacedDirectory(seed: UInt64) throws {
    try folder("out").createDirectory()
    try folder.write("out/old", "old")
    let outcomes = try outcomes(seed: seed) {
      let output = try AtomicDirectory(creating: folder("out"), force: true)
      try write([1, 2], to: output.path.appending("a"))
      try output.commit()
    }
    #expect(outcomes == [["/out/old": Array("old".utf8)], ["/out/a": [1, 2]]])
  }

  @Test("the simulation finds outputs that are renamed before they are durable")
  func control() throws {
    try folder.write("out", "old")
    let outcomes = try outcomes(seed: 1) {
      var file = try OutputFile(creating: folder("out.new"))
      try file.append([1, 2, 3])
      try file.flush()
      try FileEvent.observer?(.rename(folder("out.new"), to: folder("out"), exchanging: false))
    }
    let atTarget = Set(outcomes.compactMap { $0["/out"] })
    #expect(atTarget.contains([]) && atTarget.contains([0, 0, 0]))
  }

  @Test("what is written over a file may be lost, torn or reordered until it is synchronised")
  func overwriting() throws {
    try folder.write("out", [9, 9, 9, 9])
    var outcomes = try outcomes(seed: 2) {
      var file = try OutputFile(updating: folder("out"))
      try file.write(Bytes([1, 1]).span, at: 0)
      try file.write(Bytes([2, 2]).span, at: 2)
    }
    #expect(
      outcomes.contains(["/out": [9, 9, 2, 2]]) && outcomes.contains(["/out": [1, 9, 9, 9]]))
    outcomes = try self.outcomes(seed: 3) {
      var file = try OutputFile(updating: folder("out"))
      try file.write(Bytes([3, 3]).span, at: 0)
      try file.synchronize()
      try file.write(Bytes([4]).span, at: 3)
    }
    #expect(!outcomes.contains { $0["/out"]?[3] == 4 && $0["/out"]?[0] != 3 })
  }

  private func write(_ bytes: [UInt8], to path: FilePath) throws {
    var file = try OutputFile(creating: path)
    try file.append(bytes)
    try file.close()
  }
}
