import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@Suite struct FileStatusTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test("a path is nothing, a file, a directory or a link")
  func kinds() throws {
    try folder.write("file", "abc")
    try folder("directory").createDirectory()
    try folder.link("link", to: "file")
    try folder.link("dangling", to: "nowhere")
    #expect(try folder("none").status() == nil)
    #expect(try folder("file/below").status() == nil)
    #expect(try folder("file").status()?.kind == .regular)
    #expect(try folder("file").status()?.byteCount == 3)
    #expect(try folder("directory").isDirectory() && !folder("directory").isRegularFile())
    #expect(try folder("link").isRegularFile())
    #expect(try folder("link").status(followingLinks: false)?.kind == .symbolicLink)
    #expect(try folder("dangling").status() == nil && folder("dangling").exists())
    #expect(try FilePath("/dev/null").status()?.kind == .special)
  }

  @Test("a directory is listed in the order of the bytes")
  func listing() throws {
    for name in ["b", "a10", "a2", "B", ".hidden", "é", "z"] { try folder.write(name, "") }
    try folder("c").createDirectory()
    #expect(try folder.names() == [".hidden", "B", "a10", "a2", "b", "c", "z", "é"])
    #expect(try folder.path.directoryEntries()[5].kind == .directory)
    #expect(throws: SystemError.self) { try folder("none").directoryEntries() }
    #expect(throws: SystemError.self) { try folder("b").directoryEntries() }
  }

  @Test("removing a tree removes links, not what they point to")
  func removeTree() throws {
    try folder("tree").createDirectory()
    try folder("tree/sub").createDirectory()
    try folder.write("tree/sub/file", "x")
    try folder("kept").createDirectory()
    try folder.write("kept/file", "x")
    try folder.link("tree/link", to: "../kept")
    try folder("tree").removeTree()
    #expect(try folder.names() == ["kept"])
    #expect(try folder("kept/file").isRegularFile())
    try folder("tree").removeTree()
  }

  @Test("a path resolves to the same place by whatever way it is written")
  func resolved() throws {
    try folder("a").createDirectory()
    try folder.link("b", to: "a")
    #expect(try folder("b/../a/.").resolved() == folder("a").resolved())
    #expect(throws: SystemError.self) { try folder("none").resolved() }
  }

  @Test("free space is asked of the nearest directory that exists")
  func freeSpace() throws {
    #expect(try folder("none/nor/this").freeByteCount() > 0)
    #expect(try FilePath("none/nor/this").freeByteCount() > 0)
    #expect(try FilePath("/proc").freeByteCount() == 0)
  }

  @Test("an error says what was tried on what")
  func description() {
    #expect(
      SystemError(operation: "open", path: "a\nb", errno: .noSuchFileOrDirectory).description
        == #"cannot open "a\nb": No such file or directory"#)
    #expect(
      SystemError(operation: "create", path: "x", errno: .fileExists).description
        == #"cannot create "x": it exists, and replacing needs force"#)
  }
}
