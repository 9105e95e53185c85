import MopzArchives
import MopzBytes
import Testing

@Suite("Paths in archives")
struct EntryPathTests {
  private func paths(_ names: [String]) throws(ArchiveError) -> [String] {
    try Archive(bytes: Bytes(TarBuilder.tar(names)), name: "t.tar").entries.map(\.path)
  }

  private func reason(_ names: [String]) -> ArchiveError.Reason? {
    do throws(ArchiveError) {
      _ = try paths(names)
      return nil
    } catch { return error.reason }
  }

  @Test(
    "paths that stay where they are unpacked are accepted",
    arguments: [
      ("a", "a"), ("./a", "a"), ("./d/./a", "d/a"), ("d/a..b", "d/a..b"), ("...", "..."),
      ("ü/é.json", "ü/é.json"), ("d/c:", "d/c:"), (" a ", " a "),
    ])
  func accepted(name: String, path: String) throws {
    #expect(try paths([name]) == [path])
  }

  @Test(
    "paths that do not are refused",
    arguments: [
      "/a", "//a", "../a", "d/../a", "d/..", "..", "d//a", "a\\b", "\\a", "..\\a", "C:/a", "c:a",
      "C:", "a\u{1}", "a\nb", "a\u{7f}", "d\u{85}", ".", "./", "d/.",
    ])
  func refused(name: String) {
    // A name that ends in a slash is a directory's in old tar files; so is `.`'s.
    if name == "./" { return #expect(reason(["./", "a"]) == nil) }
    #expect(reason([name]) == .unsafePath)
  }

  @Test(
    "names that are no UTF-8 are refused", arguments: [[0x61, 0xff], [0xc3], [0xed, 0xa0, 0x80]])
  func encoding(name: [UInt8]) {
    var builder = TarBuilder()
    builder.add(name, data: [1])
    #expect(throws: ArchiveError.self) {
      try Archive(bytes: Bytes(builder.finished), name: "t.tar")
    }
  }

  @Test("one path twice is refused, however it is spelled")
  func duplicates() {
    #expect(reason(["a", "b"]) == nil)
    #expect(reason(["d/", "d/", "d/a"]) == nil)
    #expect(reason(["a", "a"]) == .duplicate)
    #expect(reason(["a", "./a"]) == .duplicate)
    #expect(reason(["é", "e\u{301}"]) == .duplicate)
    #expect(reason(["a/", "a"]) == .duplicate)
    #expect(reason(["a", "a/"]) == .duplicate)
    #expect(reason(["a/b", "a"]) == .duplicate)
    #expect(reason(["a", "a/b"]) == .throughFile("a"))
    #expect(reason(["a", "a/b/c"]) == .throughFile("a"))
  }
}
