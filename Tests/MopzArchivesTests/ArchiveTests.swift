import MopzArchives
import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@Suite("Archives")
struct ArchiveTests {
  @Test(
    "every kind of archive gives the files that were packed",
    arguments: [
      "deflated.zip", "stored.zip", "two-adapters.tar", "two-adapters.tar.gz",
      "two-adapters.tar.zst",
    ])
  func foreign(name: String) throws {
    let archive = try Archive(opening: Fixtures.path("foreign/archives/\(name)"))
    #expect(archive.format == ArchiveFormat(fileName: name))
    #expect(
      archive.entries.map(\.path).sorted() == [
        "adapters/rank-1/adapter_config.json", "adapters/rank-1/adapter_model.safetensors",
        "adapters/rslora/adapter_config.json", "adapters/rslora/adapter_model.safetensors",
      ])
    for entry in archive.entries {
      let original = entry.path.replacing("adapters/", with: "foreign/adapters/llama-f32/")
      expectSameBytes(entry.bytes, try Fixtures.bytes(original), entry.path)
    }
  }

  @Test("files at the top keep their names")
  func top() throws {
    let archive = try Archive(opening: Fixtures.path("foreign/archives/one-adapter-at-top.zip"))
    #expect(
      archive.entries.map(\.path).sorted()
        == ["adapter_config.json", "adapter_model.safetensors"])
  }

  /// The reason for which a fixture is refused, or nil.
  private func reason(
    _ name: String, _ limits: ArchiveLimits = .standard
  ) -> ArchiveError.Reason? {
    do throws(ArchiveError) {
      _ = try Archive(opening: Fixtures.path("invalid/archives/\(name)"), limits: limits)
      return nil
    } catch {
      #expect(!error.description.isEmpty)
      return error.reason
    }
  }

  @Test("what an adapter's archive must not hold is refused by name")
  func refused() throws {
    #expect(reason("symlink.tar") == .kind(.symbolicLink))
    #expect(reason("symlink.zip") == .kind(.symbolicLink))
    #expect(reason("hard-link.tar") == .kind(.hardLink))
    #expect(reason("fifo.tar") == .kind(.pipe))
    #expect(reason("device.tar") == .kind(.device))
    for name in ["parent-path.tar", "parent-path.zip", "absolute-path.tar", "absolute-path.zip"] {
      #expect(reason(name) == .unsafePath, "\(name)")
    }
    #expect(reason("duplicate-entry.tar") == .duplicate)
    #expect(reason("duplicate-entry.zip") == .duplicate)
  }

  @Test("bombs are refused by what they claim", .timeLimit(.minutes(1)))
  func bombs() throws {
    for name in ["bomb.zip", "bomb.tar.gz", "bomb.tar.zst", "claim.zip"] {
      let size = try Fixtures.bytes("invalid/archives/\(name)").count
      let limit = 256 << 20 + 50 * size
      #expect(reason(name) == .expansion(limit: limit), "\(name)")
    }
    // With room for what it claims it is read, and the claim is not true.
    guard case .malformed? = reason("claim.zip", ArchiveLimits(unratedByteCount: 8 << 30)) else {
      Issue.record("claim.zip")
      return
    }
    #expect(reason("claim.tar") == .tooManyBytes(limit: 8 << 30))
    #expect(ArchiveLimits(expansionMax: .max).expandedByteCountMax(ofArchive: 2) == .max)
    #expect(ArchiveLimits(unratedByteCount: .max).expandedByteCountMax(ofArchive: 2) == .max)
    #expect(reason("overlap.zip") == .overlap)
    #expect(reason("lzma.zip") == .method(14))
    guard case .malformed(let text)? = reason("claim-too-small.zip") else {
      Issue.record("\(String(describing: reason("claim-too-small.zip")))")
      return
    }
    #expect(text == "more than the 10 bytes that it claims")
  }

  @Test("what expands to the limit is read, and one byte more is not")
  func expansionLimit() throws {
    for name in ["deflated.zip", "two-adapters.tar"] {
      let bytes = try Fixtures.bytes("foreign/archives/\(name)")
      let total = try Archive(bytes: bytes, name: name).entries.reduce(0) { $0 + $1.bytes.count }
      var limits = ArchiveLimits(expansionMax: 0, unratedByteCount: total)
      #expect(try Archive(bytes: bytes, name: name, limits: limits).entries.count == 4)
      limits.unratedByteCount -= 1
      #expect(throws: ArchiveError.self) { try Archive(bytes: bytes, name: name, limits: limits) }
    }
    // In a compressed stream what lies between the entries counts, too.
    for name in ["two-adapters.tar.gz", "two-adapters.tar.zst"] {
      let bytes = try Fixtures.bytes("foreign/archives/\(name)")
      let total = try Archive(bytes: bytes, name: name).entries.reduce(0) { $0 + $1.bytes.count }
      let limits = ArchiveLimits(expansionMax: 0, unratedByteCount: total)
      #expect(throws: ArchiveError(file: name, .expansion(limit: total))) {
        try Archive(bytes: bytes, name: name, limits: limits)
      }
    }
  }

  @Test(
    "damaged archives are refused",
    arguments: [
      "truncated.tar", "truncated.tar.gz", "truncated.tar.zst", "truncated.zip",
      "truncated-directory.zip", "corrupt-data.zip",
    ])
  func damaged(name: String) {
    guard case .malformed? = reason(name) else {
      Issue.record("\(name): \(String(describing: reason(name)))")
      return
    }
  }

  @Test("every fixture with a defect of the archive itself is refused")
  func allFixtures() throws {
    let files = try Fixtures.files(below: "invalid/archives", suffix: "")
      .filter { ArchiveFormat(fileName: $0.string) != nil }
    #expect(files.count >= 20)
    for path in files where path.lastComponent?.string != "no-adapter.zip" {
      #expect(throws: ArchiveError.self, "\(path)") { try Archive(opening: path) }
    }
  }

  @Test("a file of another kind than its name says is refused")
  func misnamed() throws {
    let names = [
      "deflated.zip", "two-adapters.tar", "two-adapters.tar.gz", "two-adapters.tar.zst",
    ]
    for source in names {
      let bytes = try Fixtures.bytes("foreign/archives/\(source)")
      for format in ArchiveFormat.allCases {
        let name = "x" + format.rawValue
        if ArchiveFormat(fileName: source) == format {
          #expect(try Archive(bytes: bytes, name: name).entries.count == 4)
        } else {
          #expect(throws: ArchiveError.self, "\(source) as \(name)") {
            try Archive(bytes: bytes, name: name)
          }
        }
      }
      #expect(throws: ArchiveError(file: "x.rar", .unknownFormat)) {
        try Archive(bytes: bytes, name: "x.rar")
      }
    }
  }

  @Test("each limit is kept", arguments: ["stored.zip", "two-adapters.tar", "two-adapters.tar.gz"])
  func limits(name: String) throws {
    let bytes = try Fixtures.bytes("foreign/archives/\(name)")
    let whole = try Archive(bytes: bytes, name: name)
    let total = whole.entries.reduce(0) { $0 + $1.bytes.count }
    func reason(_ limits: ArchiveLimits) -> ArchiveError.Reason? {
      do throws(ArchiveError) {
        _ = try Archive(bytes: bytes, name: name, limits: limits)
        return nil
      } catch { return error.reason }
    }
    #expect(reason(ArchiveLimits(byteCountMax: total)) == nil)
    #expect(reason(ArchiveLimits(byteCountMax: total - 1)) == .tooManyBytes(limit: total - 1))
    #expect(reason(ArchiveLimits(entryCountMax: 3)) == .tooManyEntries(limit: 3))
    #expect(
      reason(ArchiveLimits(expansionMax: 0, unratedByteCount: 100)) == .expansion(limit: 100))
  }

  @Test("what is stored uncompressed shares the archive's memory")
  func zeroCopy() throws {
    for name in ["stored.zip", "two-adapters.tar"] {
      let bytes = try Fixtures.bytes("foreign/archives/\(name)")
      let archive = try Archive(bytes: bytes, name: name)
      #expect(!archive.entries.isEmpty)
      for entry in archive.entries {
        let contents = entry.bytes
        let place = bytes.span.byteOffsets(of: contents.span)
        #expect(place != nil, "\(name) \(entry.path)")
      }
    }
  }

  @Test("a request to stop is heard")
  func interruption() throws {
    let bytes = try Fixtures.bytes("foreign/archives/two-adapters.tar.gz")
    Cancellation.withIsolatedFlag {
      Cancellation.request()
      #expect(throws: ArchiveError(file: "x.tar.gz", .interrupted)) {
        try Archive(bytes: bytes, name: "x.tar.gz")
      }
    }
  }
}
