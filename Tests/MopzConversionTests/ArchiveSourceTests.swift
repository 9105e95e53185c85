import MopzArchives
import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Archives as sources")
struct ArchiveSourceTests {
  @Test(
    "an archive holds the adapters of the directory that was packed",
    arguments: [
      "stored.zip", "deflated.zip", "two-adapters.tar", "two-adapters.tar.gz",
      "two-adapters.tar.zst",
    ])
  func packed(_ name: String) throws {
    let folder = try TemporaryFolder()
    let archive = SourceArgument(path: Fixtures.path("foreign/archives/\(name)"))
    let directories = ["rank-1", "rslora"].map {
      SourceArgument(path: Fixtures.path("foreign/adapters/llama-f32/\($0)"))
    }
    #expect(try archive.sources().map(\.name) == ["rank-1", "rslora"])
    _ = try ConversionTests.convert([archive], in: folder, as: "a.mopz")
    _ = try ConversionTests.convert(directories, in: folder, as: "b.mopz")
    expectSameBytes(try Bytes(mapping: folder("a.mopz")), try Bytes(mapping: folder("b.mopz")))
  }

  @Test("an adapter at the top has the archive's name, or the one that is given")
  func top() throws {
    let path = Fixtures.path("foreign/archives/one-adapter-at-top.zip")
    #expect(try SourceArgument(path: path).sources().map(\.name) == ["one-adapter-at-top"])
    #expect(try SourceArgument("x=\(path)").sources().map(\.name) == ["x"])
  }

  @Test("what no archive must hold is refused, and leaves nothing behind")
  func invalid() throws {
    let folder = try TemporaryFolder()
    var count = 0
    for entry in try Fixtures.path("invalid/archives").directoryEntries()
    where ArchiveFormat(fileName: entry.name.string) != nil {
      count += 1
      #expect(throws: ConversionError.self, "\(entry.name)") {
        try ConversionTests.convert([SourceArgument(path: entry.path)], in: folder)
      }
    }
    #expect(count > 15)
    #expect(try folder.names() == [])
  }

  @Test("folders, several weights files and hidden files of an archive follow the same rules")
  func trees() throws {
    let weights = try Bytes(mapping: SourceTests.weights)
    let config = try Bytes(mapping: SourceTests.config)
    func names(_ paths: [String]) throws -> [String] {
      let entries = paths.map { path in
        (path: path, bytes: path.hasSuffix(".json") ? config : weights)
      }
      let folder = try ArchiveSource.folder(name: "x", location: "x.zip", entries: entries)
      return try SourceDiscovery().adapters(in: folder, named: "x").map(\.name)
    }
    #expect(try names(["a.safetensors", "b.safetensors"]) == ["a", "b"])
    #expect(try names(["one.safetensors"]) == ["x"])
    #expect(
      try names(["top/en/adapter_config.json", "top/en/adapter_model.safetensors"]) == ["en"])
    #expect(
      try names([
        "__MACOSX/a", "t/adapter_config.json", "t/adapter_model.safetensors", "t/.DS_Store",
      ]) == ["t"])
    #expect(throws: Refusal.self) {
      try names([String(repeating: "a/", count: 20) + "b.safetensors"])
    }
    #expect(throws: ConversionError.self) { try names(["a/readme.txt", "b.safetensors"]) }
  }
}
