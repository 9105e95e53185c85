import MopzArchives
import MopzBytes
import MopzTestSupport
import Testing

@Suite("Damaged archives")
struct ArchiveMutationTests {
  @Test(
    "every truncation is refused",
    arguments: [
      "one-adapter-at-top.zip", "two-adapters.tar.gz", "two-adapters.tar.zst",
    ])
  func truncation(name: String) throws {
    let bytes = try Fixtures.bytes("foreign/archives/\(name)")
    _ = try Archive(bytes: bytes, name: name)
    let step = max(1, bytes.count / 400)
    for count in Array(stride(from: 0, to: bytes.count, by: step))
      + Array((bytes.count - 40)..<bytes.count)
    {
      #expect(throws: ArchiveError.self, "\(count) bytes") {
        try Archive(bytes: bytes.slice(0..<count), name: name)
      }
    }
  }

  @Test("a tar file without the mark at its end is refused, whole entries or not")
  func missingMark() throws {
    let whole = TarBuilder.tar(["a", "b"])
    #expect(try Archive(bytes: Bytes(whole), name: "t.tar").entries.count == 2)
    for count in 0...(whole.count - 1024) {
      #expect(throws: ArchiveError.self, "\(count) bytes") {
        try Archive(bytes: Bytes(Array(whole[..<count])), name: "t.tar")
      }
    }
  }

  @Test("what follows the end of a tar file is refused unless it is zeros")
  func trailer() throws {
    let whole = TarBuilder.tar(["a"])
    let padded = whole + [UInt8](repeating: 0, count: 9000)
    #expect(try Archive(bytes: Bytes(padded), name: "t.tar").entries.count == 1)
    for appended in [whole + [1], padded + [1], whole + whole] {
      #expect(throws: ArchiveError.self) { try Archive(bytes: Bytes(appended), name: "t.tar") }
    }
  }

  @Test("sizes that are not true are refused and allocate nothing", .timeLimit(.minutes(1)))
  func announcedSizes() {
    for announced in [0, 3, 512, 1025, 1 << 20, 0o7777_7777_777] {
      var builder = TarBuilder()
      builder.add(Array("a".utf8), data: [UInt8](repeating: 1, count: 600), announced: announced)
      #expect(throws: ArchiveError.self, "\(announced)") {
        try Archive(bytes: Bytes(builder.finished), name: "t.tar")
      }
    }
  }

  private struct File {
    var path: String
    var contents: [UInt8]
  }

  private static func read(_ bytes: [UInt8], _ name: String) -> Result<[File], ArchiveError> {
    do throws(ArchiveError) {
      let entries = try Archive(bytes: Bytes(bytes), name: name).entries
      return .success(
        entries.map { File(path: $0.path, contents: $0.bytes.array) })
    } catch { return .failure(error) }
  }

  @Test(
    "a change of a compressed byte is never silent",
    arguments: [
      "one-adapter-at-top.zip", "two-adapters.tar.gz", "two-adapters.tar.zst",
    ])
  func substitution(name: String) throws {
    let original = try Fixtures.bytes("foreign/archives/\(name)")
    let bytes = original.array
    let whole = try Self.read(bytes, name).get()
    var generator = SeededGenerator(seed: 3)
    var refusedCount = 0
    let count = 400
    for _ in 0..<count {
      var changed = bytes
      let index = Int.random(in: bytes.indices, using: &generator)
      changed[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      switch Self.read(changed, name) {
      case .success(let found):
        // Times and other fields that nobody reads may differ; contents may not. The zstd
        // fixture holds no checksum.
        let isSame = found.map(\.contents) == whole.map(\.contents)
        #expect(isSame || name.hasSuffix(".zst"), "bit of byte \(index)")
      case .failure(let error):
        refusedCount += 1
        #expect(!error.description.isEmpty)
      }
    }
    #expect(refusedCount > count / 2 || name.hasSuffix(".zst"))
  }

  @Test("a checksum of gzip that does not fit is refused")
  func gzipChecksum() throws {
    let name = "two-adapters.tar.gz"
    let bytes = try Fixtures.bytes("foreign/archives/\(name)").array
    for (index, byte) in bytes.enumerated().suffix(8) {
      var changed = bytes
      changed[index] = byte ^ 0x10
      guard case .failure(let error) = Self.read(changed, name) else {
        Issue.record("byte \(index) is not looked at")
        continue
      }
      switch error.reason {
      case .checksum: #expect(index < bytes.count - 4)
      case .malformed: #expect(index >= bytes.count - 4)
      default: Issue.record("\(error)")
      }
    }
  }

  @Test("names in a zip's directory that differ from its entries' are refused")
  func contradictoryNames() throws {
    let name = "one-adapter-at-top.zip"
    let bytes = try Fixtures.bytes("foreign/archives/\(name)").array
    let wanted = Array("adapter_config.json".utf8)
    let places = bytes.indices.filter { bytes[$0...].starts(with: wanted) }
    #expect(places.count == 2)
    for place in places {
      for replacement: UInt8 in [UInt8(ascii: "b"), 0, 0xff] {
        var changed = bytes
        changed[place + 3] = replacement
        #expect(throws: ArchiveError.self) { try Archive(bytes: Bytes(changed), name: name) }
      }
    }
  }
}
