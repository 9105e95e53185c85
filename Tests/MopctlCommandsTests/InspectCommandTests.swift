import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("inspect, and the fields that other commands share with it")
struct InspectCommandTests {
  private let lora = String.foreign("adapters/llama-f32/lora-all")

  @Test("an opaque adapter has the kind opaque and its tag in every command")
  func kinds() throws {
    let folder = try TemporaryFolder()
    let file = folder("x.mopz").string
    let carried = String.foreign("adapters/llama-f32/ia3")
    let converted = CommandRun("convert", "a=\(carried)", "b=\(lora)", "-o", file, "--json")
    for object in [
      try converted.object, try CommandRun("inspect", file, "--json").object,
    ] {
      let tasks = try #require(object["tasks"]?.arrayValue)
      #expect(tasks.map { $0["kind"]?.stringValue } == ["opaque", "lora"])
      #expect(tasks.map { $0["tag"]?.stringValue } == ["ia3", "lora"])
    }
    let base = String.foreign("models/llama-f32")
    let merged = CommandRun(
      "merge", "--base", base, "--adapter", lora, "-o", folder("m").string, "--json")
    let adapter = try #require(try merged.object["adapters"]?.arrayValue?.first)
    #expect(adapter["kind"]?.stringValue == "lora" && adapter["tag"]?.stringValue == "lora")
  }

  @Test("of an archive and of a file, file_bytes is the file's size")
  func fileBytes() throws {
    for entry in try Fixtures.path("foreign/archives").directoryEntries() {
      let run = CommandRun("inspect", entry.path.string, "--json")
      guard run.status == .done else { continue }
      #expect(try run.object["file_bytes"]?.intValue == entry.path.status()?.byteCount)
    }
  }

  @Test("bytes_saved counts what is equal within one task as well, in convert and inspect alike")
  func savedWithin() throws {
    let folder = try TemporaryFolder()
    let file = folder("x.mopz").string
    // Every lora_B is zero, and those of one shape are one block.
    let zero = String.foreign("adapters/llama-f32/zero")
    let converted = try CommandRun("convert", zero, "-o", file, "--json").object
    let saved = try #require(converted["bytes_saved"]?.intValue)
    #expect(saved > 0)
    #expect(try CommandRun("inspect", file, "--json").object["bytes_saved"]?.intValue == saved)
    let distinct = try CommandRun("convert", lora, "-o", file, "--force", "--json").object
    #expect(distinct["bytes_saved"]?.intValue == 0)
  }

  @Test("where the bytes go is worked out for the tasks that are shown in detail")
  func anatomy() throws {
    let folder = try TemporaryFolder()
    let file = folder("x.mopz").string
    let dora = String.foreign("adapters/llama-f32/dora")
    #expect(CommandRun("convert", "a=\(lora)", "b=\(dora)", "-o", file).status == .done)
    func tasks(_ arguments: String...) throws -> [JSON] {
      try CommandRun(["inspect", file, "--json"] + arguments).object["tasks"]?.arrayValue ?? []
    }
    #expect(try tasks().allSatisfy { $0["anatomy"] == nil })
    #expect(try tasks("-v").allSatisfy { $0["anatomy"] != nil })
    #expect(try tasks("--task", "a").first?["anatomy"] != nil)
    #expect(CommandRun("inspect", file).out.contains("largest: \"b\""))
  }

  @Test("a configuration that is not PEFT's comes out again, beside its weights")
  func foreignConfig() throws {
    let folder = try TemporaryFolder()
    try folder("mlx").createDirectory()
    let weights = try Bytes(mapping: FilePath(lora).appending("adapter_model.safetensors"))
    let span = weights.span
    let bytes = [UInt8](copying: span)
    try folder.write("mlx/adapters.safetensors", bytes)
    let config = #"{"fine_tune_type": "lora", "lora_parameters": {"scale": 20.0, "rank": 8}}"#
    try folder.write("mlx/adapter_config.json", config)
    let file = folder("x.mopz").string
    #expect(CommandRun("convert", folder("mlx").string, "-o", file).status == .done)
    let out = folder("out").string
    let run = CommandRun("export", file, "--to", "safetensors", "-o", out)
    #expect(run.status == .done, "\(run.error)")
    for name in ["adapter_config.json", "adapters.safetensors"] {
      let source = try Bytes(mapping: folder("mlx").appending(name))
      let written = try Bytes(mapping: folder("out").appending(name))
      let isSame = written.span.hasSameBytes(as: source.span)
      #expect(isSame, "\(name)")
    }
    let peft = CommandRun("export", file, "--to", "peft", "-o", folder("p").string)
    #expect(peft.status == .unusable && peft.error.contains("--to safetensors"), "\(peft.error)")
    // PEFT's own configuration stays with --to peft.
    #expect(CommandRun("convert", lora, "-o", file, "--force").status == .done)
    #expect(
      CommandRun("export", file, "--to", "safetensors", "-o", out, "--force").status == .done)
    #expect(try folder("out").directoryEntries().map(\.name.string).count == 1)
  }
}
