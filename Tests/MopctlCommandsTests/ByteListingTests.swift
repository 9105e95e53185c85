import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("inspect --bytes lists a file byte by byte")
struct ByteListingTests {
  private static func tiles(_ annotations: [JSON], _ byteCount: Int?) -> Bool {
    var end = 0
    for annotation in annotations {
      guard annotation["offset"]?.intValue == end, let count = annotation["length"]?.intValue
      else { return false }
      end += count
    }
    return end == byteCount
  }

  @Test("a container, as text and as an array that tiles the file")
  func container() throws {
    let path = Fixtures.path("valid/mixture-of-shards.mopz")
    let run = CommandRun("inspect", path.string, "--bytes")
    #expect(run.status == .done)
    let expected = try Bytes(mapping: Fixtures.path("valid/mixture-of-shards.mopz.dump")).text
    #expect(run.out == expected)

    let object = try CommandRun("inspect", path.string, "--bytes", "--json").object
    let annotations = try #require(object["bytes"]?.arrayValue)
    #expect(Self.tiles(annotations, object["file_bytes"]?.intValue))
    let major = try #require(annotations.first { $0["field"]?.stringValue == "Major_Version" })
    #expect(major["offset"]?.intValue == 8 && major["length"]?.intValue == 2)
    #expect(major["value"]?.intValue == 1)
    #expect(major["region"]?.stringValue == "5.1 Header page")
    #expect(CommandRun("inspect", path.string, "--bytes", "-q").out.isEmpty)
  }

  @Test("a damaged container is listed, the rule is named, and the status is 2")
  func damaged() throws {
    for (name, rule) in [
      ("SLT-3-torn-newest-slot", "SLT-3"), ("REC-3-section-offset", "REC-3"),
      ("COD-5-trailing-byte", "COD-5"), ("HDR-2-short-file", "HDR-2"), ("TIL-1-blocks", "TIL-1"),
    ] {
      let path = Fixtures.path("invalid/\(name).mopz").string
      let run = CommandRun("inspect", path, "--bytes")
      #expect(run.status == .unusable, "\(name)")
      #expect(run.out.hasPrefix("-- 5.1 Header page\n"), "\(name)")
      #expect(run.error.contains(rule), "\(name): \(run.error)")
      let object = try CommandRun("inspect", path, "--bytes", "--json").object
      let annotations = try #require(object["bytes"]?.arrayValue)
      #expect(Self.tiles(annotations, object["file_bytes"]?.intValue), "\(name)")
      #expect(object["findings"]?.arrayValue?.first?["rule"]?.stringValue == rule)
    }
  }

  @Test("a safetensors file: length, header, tensors")
  func safetensors() throws {
    let path = Fixtures.path("foreign/adapters/llama-bf16/lora-all/adapter_model.safetensors")
    let object = try CommandRun("inspect", path.string, "--bytes", "--json").object
    let annotations = try #require(object["bytes"]?.arrayValue)
    #expect(Self.tiles(annotations, object["file_bytes"]?.intValue))
    let regions = annotations.compactMap { $0["region"]?.stringValue }
    #expect(regions.first == "Header" && regions.last?.hasPrefix("Tensor \"") == true)
    #expect(CommandRun("inspect", path.string, "--bytes").out.contains("Header_Length "))
  }

  @Test("a damaged safetensors file is listed as far as it goes")
  func damagedSafetensors() throws {
    for entry in try Fixtures.path("invalid/safetensors").directoryEntries()
    where entry.name.string.hasSuffix(".safetensors") {
      let run = CommandRun("inspect", entry.path.string, "--bytes", "--json")
      #expect(run.status == .unusable, "\(entry.name)")
      let object = try run.object
      let annotations = try #require(object["bytes"]?.arrayValue)
      #expect(Self.tiles(annotations, object["file_bytes"]?.intValue), "\(entry.name)")
    }
  }

  @Test("what has no listing is refused by name")
  func refused() throws {
    let path = Fixtures.path("foreign/adapters/llama-bf16/lora-all")
    #expect(CommandRun("inspect", path.string, "--bytes").status == .unusable)
    let config = path.appending("adapter_config.json").string
    let run = CommandRun("inspect", config, "--bytes")
    #expect(run.status == .unusable && run.error.contains(".safetensors"))
    #expect(CommandRun("inspect", "x.mopz", "--bytes", "--task", "a").status == .usage)
  }
}
