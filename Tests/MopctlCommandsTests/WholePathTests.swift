import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("The whole path through the commands")
struct WholePathTests {
  private let base = String.foreign("models/llama-bf16")
  private let lora = String.foreign("adapters/llama-bf16/lora-all")
  private let dora = String.foreign("adapters/llama-bf16/dora")

  @Test("two adapters are converted, listed, exported byte for byte, merged and verified")
  func wholePath() throws {
    let folder = try TemporaryFolder()
    let file = folder("team.mopz").string
    let sources = ["support=\(lora)", "legal=\(dora)"]

    let converted = CommandRun(["convert"] + sources + ["--base", base, "-o", file, "--json"])
    #expect(converted.status == .done)
    #expect(try converted.object["tasks"]?.arrayValue?.count == 2)

    let inspected = try CommandRun("inspect", file, "--json").object
    let tasks = try #require(inspected["tasks"]?.arrayValue)
    #expect(tasks.map { $0["name"]?.stringValue } == ["legal", "support"])
    #expect(tasks.map { $0["kind"]?.stringValue } == ["dora", "lora"])
    #expect(tasks.map { $0["rank_max"]?.intValue } == [4, 4])
    #expect(tasks[1]["base"]?["architecture"]?.stringValue == "LlamaForCausalLM")
    #expect(tasks.allSatisfy { ($0["bytes_shared"]?.intValue ?? 0) > 0 })

    #expect(CommandRun(["verify", file, "--against"] + sources).status == .done)

    let exported = folder("support").string
    #expect(
      CommandRun("export", file, "--task", "support", "--to", "peft", "-o", exported).status
        == .done)
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
      let written = try Bytes(mapping: FilePath(exported).appending(name))
      let source = try Bytes(mapping: FilePath(lora).appending(name))
      let isSame = written.span.hasSameBytes(as: source.span)
      #expect(isSame, "\(name)")
    }

    let merged = folder("merged").string
    let selector = "\(file)#support"
    #expect(
      CommandRun("merge", "--base", base, "--adapter", selector, "-o", merged).status == .done)
    let names = try FilePath(merged).directoryEntries().map(\.name.string)
    #expect(names.contains("merge_report.json") && names.contains("model.safetensors"))

    let verified = CommandRun(
      "verify", "--merged", merged, "--base", base, "--adapter", selector, "--json")
    #expect(verified.status == .done)
    let tensors = try #require(verified.object["tensors"]?.arrayValue)
    #expect(tensors.count == 14)
    #expect(tensors.allSatisfy { ($0["max_ulp"]?.doubleValue ?? 2) <= 1 })
  }

  @Test("a merge is wrong for another adapter, another scale and another base")
  func negativeControls() throws {
    let folder = try TemporaryFolder()
    let merged = folder("merged").string
    #expect(CommandRun("merge", "--base", base, "--adapter", lora, "-o", merged).status == .done)
    let check = ["verify", "--merged", merged, "--base", base, "--adapter"]
    #expect(CommandRun(check + [lora]).status == .done)
    #expect(CommandRun(check + [dora]).status == .judgedWrong)
    #expect(CommandRun(check + [lora + "@0.5"]).status == .judgedWrong)
    let other = String.foreign("models/llama-sharded-bf16")
    #expect(
      CommandRun("verify", "--merged", merged, "--base", other, "--adapter", lora).status
        == .judgedWrong)
  }

  @Test("several adapters with scales are one sum, and verify agrees")
  func sum() throws {
    let folder = try TemporaryFolder()
    let model = String.foreign("models/llama-f32")
    let adapters = [
      "--adapter", String.foreign("adapters/llama-f32/lora-all") + "@0.7",
      "--adapter", String.foreign("adapters/llama-f32/rslora") + "@-0.25",
    ]
    let merged = folder("merged").string
    #expect(CommandRun(["merge", "--base", model, "-o", merged] + adapters).status == .done)
    let check = ["verify", "--merged", merged, "--base", model]
    #expect(CommandRun(check + adapters).status == .done)
    #expect(CommandRun(check + Array(adapters.prefix(2))).status == .judgedWrong)
  }

  @Test("a merge that rounding would erase is refused, unless loss is allowed")
  func lossy() throws {
    let folder = try TemporaryFolder()
    let adapter = String.foreign("adapters/llama-bf16/tiny-delta")
    let merged = folder("merged").string
    let merge = ["merge", "--base", base, "--adapter", adapter, "-o", merged, "--json"]
    let refused = CommandRun(merge)
    #expect(refused.status == .judgedWrong)
    #expect(try refused.object["verdict"]?.stringValue == "refused")
    #expect(try folder.names().isEmpty)
    #expect(CommandRun(merge + ["--dtype", "f32"]).status == .done)
    let allowed = CommandRun(merge + ["--allow-lossy", "--force"])
    #expect(allowed.status == .done)
    #expect(try allowed.object["verdict"]?.stringValue == "lossy")
  }

  @Test("the same adapter under two names costs next to nothing more")
  func sameTwice() throws {
    let folder = try TemporaryFolder()
    let adapter = String.foreign("adapters/roberta-f32/seq-cls")
    let once = folder("once.mopz").string
    let twice = folder("twice.mopz").string
    #expect(CommandRun("convert", "a=\(adapter)", "-o", once).status == .done)
    let run = CommandRun("convert", "a=\(adapter)", "b=\(adapter)", "-o", twice, "--json")
    let saved = try #require(run.object["bytes_saved"]?.intValue)
    let tensors = try #require(run.object["tasks"]?.arrayValue?.first?["bytes"]?.intValue)
    #expect(saved >= tensors)
    let inspected = try CommandRun("inspect", twice, "--json").object
    let tasks = try #require(inspected["tasks"]?.arrayValue)
    #expect(tasks.allSatisfy { $0["bytes_private"]?.intValue == 0 })
  }
}
