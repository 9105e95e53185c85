import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzBytes

@Suite struct AtomicDirectoryTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func fill(_ output: borrowing AtomicDirectory, _ text: String) throws {
    var file = try OutputFile(creating: output.path.appending("a"))
    try file.append(Array(text.utf8))
    try file.close()
    try output.path.appending("sub").createDirectory()
    _ = try OutputFile(creating: output.path.appending("sub/b"))
  }

  private func contents() throws -> [String] {
    try folder("out").directoryEntries().map(\.name.string)
  }

  @Test("a committed directory stands at its target with everything in it")
  func commit() throws {
    let output = try AtomicDirectory(creating: folder("out"), force: false)
    try fill(output, "new")
    #expect(try !folder("out").exists())
    try output.commit()
    #expect(try folder.names() == ["out"])
    #expect(try contents() == ["a", "sub"])
    #expect(try folder("out/sub/b").isRegularFile())
  }

  @Test("an abandoned directory leaves nothing, and the old one as it was")
  func abandoned() throws {
    try folder("out").createDirectory()
    try folder.write("out/old", "old")
    do {
      let output = try AtomicDirectory(creating: folder("out"), force: true)
      try fill(output, "new")
    }
    #expect(try folder.names() == ["out"])
    #expect(try contents() == ["old"])
  }

  @Test("an existing output is refused, even an empty directory")
  func existing() throws {
    try folder("out").createDirectory()
    let error = try #require(throws: SystemError.self) {
      _ = try AtomicDirectory(creating: folder("out"), force: false)
    }
    #expect(error.isExistingOutput)
    #expect(try folder.names() == ["out"])
  }

  @Test("an output that appeared meanwhile is not replaced, even an empty directory")
  func appeared() throws {
    let output = try AtomicDirectory(creating: folder("out"), force: false)
    try fill(output, "new")
    try folder("out").createDirectory()
    let caught: SystemError?
    do throws(SystemError) {
      try output.commit()
      caught = nil
    } catch { caught = error }
    #expect(caught?.isExistingOutput == true)
    #expect(try folder.names() == ["out"])
    #expect(try contents() == [])
  }

  @Test("with force the old directory is replaced as a whole")
  func force() throws {
    try folder("out").createDirectory()
    try folder.write("out/old", "old")
    let mapped = try Bytes(mapping: folder("out/old"))
    let output = try AtomicDirectory(creating: folder("out"), force: true)
    try fill(output, "new")
    try output.commit()
    #expect(try folder.names() == ["out"])
    #expect(try contents() == ["a", "sub"])
    #expect(mapped.text == "old")
  }

  @Test("with force a file or a link is replaced, and what a link points to stays")
  func forceOverOthers() throws {
    try folder.write("out", "file")
    try (try AtomicDirectory(creating: folder("out"), force: true)).commit()
    #expect(try folder("out").isDirectory())
    try folder.write("out/kept", "kept")
    try folder.link("link", to: "out")
    try (try AtomicDirectory(creating: folder("link"), force: true)).commit()
    #expect(try folder.names() == ["link", "out"])
    #expect(try contents() == ["kept"])
    #expect(try folder("link").directoryEntries().isEmpty)
  }

  @Test("everything is durable before the name")
  func order() throws {
    let log = FileEventLog()
    try FileEvent.$observer.withValue(log.observe) {
      let output = try AtomicDirectory(creating: folder("out"), force: false)
      try fill(output, "new")
      try output.commit()
    }
    #expect(
      log.kinds == [
        "createDirectory", "create", "write", "createDirectory", "create",
        "synchronize", "synchronize", "synchronizeDirectory", "synchronizeDirectory",
        "rename", "synchronizeDirectory",
      ])
  }

  @Test("whichever step fails, old or new stands there whole, and no temporary one")
  func failures() throws {
    var outcomes: Set<String> = []
    for failing in 0..<40 {
      try folder("out").removeTree()
      try folder("out").createDirectory()
      try folder.write("out/old", "old")
      let log = FileEventLog(failingAt: failing)
      FileEvent.$observer.withValue(log.observe) {
        do {
          let output = try AtomicDirectory(creating: folder("out"), force: true)
          try fill(output, "new")
          try output.commit()
        } catch {}
      }
      let names = try contents()
      #expect(names == ["old"] || names == ["a", "sub"], "failing at \(failing)")
      outcomes.insert(names[0])
      // A removal that itself fails leaves something, under the temporary name.
      let removed = log.kinds.count > failing && log.kinds[failing] == "remove"
      #expect(try folder.names() == ["out"] || removed, "failing at \(failing)")
      for name in try folder.names() where name != "out" { try folder(name).removeTree() }
    }
    #expect(outcomes == ["old", "a"])
  }
}
