import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzBytes

@Suite struct AtomicFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("a committed file stands at its target, and nothing else is left")
  func commit() throws {
    var output = try AtomicFile(creating: folder("out"), force: false)
    try output.file.append([1, 2, 3])
    #expect(try !folder("out").exists())
    let names = try folder.names()
    #expect(names.count == 1 && names[0].hasPrefix(".out.mopz-tmp-"))
    try output.commit()
    #expect(try folder.names() == ["out"])
    expectSameBytes(try Bytes(mapping: folder("out")), Bytes([1, 2, 3]))
  }

  @Test("an abandoned file leaves nothing, and the old one as it was")
  func abandoned() throws {
    try folder.write("out", "old")
    do {
      var output = try AtomicFile(creating: folder("out"), force: true)
      try output.file.append([UInt8](repeating: 7, count: 1_000_000))
      #expect(try folder.names().count == 2)
    }
    #expect(try folder.names() == ["out"])
    #expect(try Bytes(mapping: folder("out")).text == "old")
  }

  @Test("an existing output is refused before anything is written")
  func existing() throws {
    try folder.write("out", "old")
    let error = try #require(throws: SystemError.self) {
      _ = try AtomicFile(creating: folder("out"), force: false)
    }
    #expect(error.isExistingOutput && !error.isTransient)
    #expect(try folder.names() == ["out"])
  }

  @Test("an output that appeared meanwhile is not replaced")
  func appeared() throws {
    var output = try AtomicFile(creating: folder("out"), force: false)
    try output.file.append([1])
    try folder.write("out", "other")
    let caught: SystemError?
    do throws(SystemError) {
      try output.commit()
      caught = nil
    } catch { caught = error }
    #expect(caught?.isExistingOutput == true)
    #expect(try folder.names() == ["out"])
    #expect(try Bytes(mapping: folder("out")).text == "other")
  }

  @Test("a link to nothing counts as an existing output")
  func danglingLink() throws {
    try folder.link("out", to: "nowhere")
    #expect(throws: SystemError.self) { _ = try AtomicFile(creating: folder("out"), force: false) }
  }

  @Test("saving over a mapped file leaves the mapping as it was")
  func savingOverMapping() throws {
    let old = [UInt8](repeating: 0xAB, count: 100_000)
    let mapped = try Bytes(mapping: folder.write("out", old))
    var output = try AtomicFile(creating: folder("out"), force: true)
    try output.file.append([UInt8](repeating: 0xCD, count: 10))
    try output.commit()
    expectSameBytes(mapped, Bytes(old))
    #expect(try Bytes(mapping: folder("out")).count == 10)
  }

  @Test("a replaced file keeps its permissions")
  func permissions() throws {
    let before = try OutputFile(creating: folder("out"))
    try before.setPermissions(.ownerReadWrite)
    var output = try AtomicFile(creating: folder("out"), force: true)
    try output.file.append([1])
    try output.commit()
    #expect(try folder("out").status()?.permissions == .ownerReadWrite)
  }

  @Test("a directory is never replaced by a file")
  func directory() throws {
    try folder("out").createDirectory()
    #expect(throws: SystemError(operation: "replace", path: folder("out"), errno: .isDirectory)) {
      _ = try AtomicFile(creating: folder("out"), force: true)
    }
  }

  @Test("a target without a name is refused", arguments: ["", "/", ".", ".."])
  func nameless(path: String) {
    #expect(throws: SystemError.self) { _ = try AtomicFile(creating: FilePath(path), force: true) }
  }

  @Test("a missing directory is an error that names it, and no retry helps")
  func missingDirectory() throws {
    let error = try #require(throws: SystemError.self) {
      _ = try AtomicFile(creating: folder("none/out"), force: false)
    }
    #expect(error.errno == .noSuchFileOrDirectory && !error.isTransient)
  }

  @Test("the longest name that a file system allows can be written")
  func longName() throws {
    let name = String(repeating: "é", count: 127)
    var output = try AtomicFile(creating: folder(name), force: false)
    try output.file.append([1])
    try output.commit()
    #expect(try folder.names() == [name])
  }

  @Test("removing all temporary outputs leaves committed ones")
  func removeAll() async {
    // In a process of its own, since it removes the temporary outputs of all tests.
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      var done = try AtomicFile(creating: folder("done"), force: false)
      try done.file.append([1])
      try done.commit()
      let file = try AtomicFile(creating: folder("file"), force: false)
      let directory = try AtomicDirectory(creating: folder("directory"), force: false)
      #expect(try folder.names().count == 3)
      TemporaryOutputs.removeAll()
      #expect(try folder.names() == ["done"])
      _ = (file.target, directory.target)
    }
  }

  @Test("every step before the renaming may fail, and the old file stays")
  func failures() throws {
    try folder.write("out", "old")
    for failing in 0..<10 {
      let log = FileEventLog(failingAt: failing)
      let error: (any Error)? = FileEvent.$observer.withValue(log.observe) {
        do {
          var output = try AtomicFile(creating: folder("out"), force: true)
          try output.file.append([1, 2, 3])
          try output.commit()
          return nil
        } catch { return error }
      }
      let text = try Bytes(mapping: folder("out")).text
      switch failing {
      case 0...3: #expect(error != nil && text == "old")
      // The new name stands, but may not be durable: an error all the same.
      case 4: #expect(error != nil && text == "\u{1}\u{2}\u{3}")
      default: #expect(error == nil && text == "\u{1}\u{2}\u{3}")
      }
      #expect(try folder.names() == ["out"], "failing at \(failing)")
      if failing == 4 {
        try folder("out").removeTree()
        try folder.write("out", "old")
      }
    }
  }

  @Test("the bytes are durable before the name, and the name at the end")
  func order() throws {
    let log = FileEventLog()
    try FileEvent.$observer.withValue(log.observe) {
      var output = try AtomicFile(creating: folder("out"), force: false)
      try output.file.append([1, 2, 3])
      try output.commit()
    }
    #expect(log.kinds == ["create", "write", "synchronize", "rename", "synchronizeDirectory"])
  }
}
