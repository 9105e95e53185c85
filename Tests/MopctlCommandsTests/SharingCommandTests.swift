import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("Commands on pools")
struct SharingCommandTests {
  @Test("convert --share exact reports the bytes with pools and without")
  func convert() throws {
    let folder = try TemporaryFolder()
    let output = folder("out.mopz").string
    let source = String.foreign("adapters/llama-f32/mos-dense")
    let run = CommandRun("convert", source, "--share", "exact", "-o", output, "--json")
    #expect(run.status == .done)
    let sharing = try #require(run.object["sharing"]?.objectValue)
    #expect(sharing["mode"]?.stringValue == "exact")
    let before = try #require(sharing["bytes_before"]?.intValue)
    let after = try #require(sharing["bytes_after"]?.intValue)
    #expect(after <= before)
    #expect(after == (try Bytes(mapping: folder("out.mopz")).count))
    #expect(sharing["pools"]?.arrayValue != nil)
    let verified = CommandRun("verify", output, "--against", "out=" + source, "-q")
    #expect(verified.status == .judgedWrong)
    #expect(
      CommandRun("verify", output, "--against", source, "-q").status == .done)
    let plain = CommandRun("convert", source, "-o", folder("plain.mopz").string, "--json")
    #expect(try plain.object["sharing"] == nil)
    #expect(try plain.object["file_bytes"]?.intValue == before)
  }

  @Test("a way to share that does not exist is a usage error")
  func unknown() throws {
    let folder = try TemporaryFolder()
    let source = String.foreign("adapters/llama-f32/mos-dense")
    let run = CommandRun("convert", source, "--share", "all", "-o", folder("out.mopz").string)
    #expect(run.status == .usage)
    #expect(try folder.names().isEmpty)
  }

  @Test("inspect lists a mixture's pools, and with --modules what its modules take")
  func inspect() throws {
    let folder = try TemporaryFolder()
    let output = folder("out.mopz").string
    let source = String.foreign("adapters/llama-f32/mos")
    #expect(CommandRun("convert", source, "-o", output, "-q").status == .done)
    let run = CommandRun("inspect", output, "--modules", "--json")
    let pools = try #require(run.object["pools"]?.arrayValue)
    #expect(pools.count == 8)
    for pool in pools {
      #expect(pool["public_shards"]?.intValue == 8)
      #expect(pool["private_shards"]?.intValue == 4)
      #expect(pool["tasks"]?.arrayValue?.compactMap(\.stringValue) == ["mos"])
      #expect(pool["modules"]?.intValue == 2)
    }
    let task = try #require(run.object["tasks"]?.arrayValue?.first)
    #expect(task["kind"]?.stringValue == "mos")
    let modules = try #require(task["by_module"]?.arrayValue)
    #expect(modules.count == 8)
    #expect(modules.allSatisfy { $0["pools"]?.arrayValue?.count == 2 })
    let text = CommandRun("inspect", output, "--modules").out
    #expect(text.contains("mos, by module:"))
    #expect(text.contains("public"))
    #expect(!CommandRun("inspect", output).out.contains("by module"))
  }
}
