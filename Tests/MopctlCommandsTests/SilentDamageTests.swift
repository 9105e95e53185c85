import MopzBytes
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("What would go wrong in silence")
struct SilentDamageTests {
  private let base = String.foreign("models/llama-bf16")
  private let lora = String.foreign("adapters/llama-bf16/lora-all")

  @Test("a task with a damaged block is not exported, converted or merged")
  func damagedBlock() throws {
    let folder = try TemporaryFolder()
    let file = folder("x.mopz")
    let dora = String.foreign("adapters/llama-bf16/dora")
    #expect(CommandRun("convert", "a=\(lora)", "b=\(dora)", "-o", file.string).status == .done)
    // The largest private block of "a": a byte in the middle of the file's data.
    var bytes = array(try Bytes(mapping: file))
    let source = try Bytes(mapping: FilePath(lora).appending("adapter_model.safetensors"))
    let tail = array(source.slice((source.count - 64)..<source.count))
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: tail) })
    bytes[place + 5] ^= 1
    let damaged = try folder.write("damaged.mopz", bytes).string
    #expect(CommandRun("verify", damaged).status == .judgedWrong)
    let out = folder("out").string
    #expect(
      CommandRun("export", damaged, "--task", "a", "--to", "peft", "-o", out).status == .unusable)
    #expect(CommandRun("convert", damaged, "-o", out + ".mopz").status == .unusable)
    #expect(
      CommandRun("merge", "--base", base, "--adapter", damaged + "#a", "-o", out).status
        == .unusable)
    #expect(try folder.names() == ["damaged.mopz", "x.mopz"])
    #expect(CommandRun("export", damaged, "--task", "b", "--to", "peft", "-o", out).status == .done)
  }

  @Test("a scale that Float32 does not hold is refused before any work")
  func endlessScale() throws {
    let folder = try TemporaryFolder()
    for scale in ["1.7e308", "-1e39"] {
      let run = CommandRun(
        "merge", "--base", base, "--adapter", "\(lora)@\(scale)", "-o", folder("m").string)
      #expect(run.status == .unusable && run.error.contains("lora-all"), "\(run.error)")
    }
    #expect(try folder.names().isEmpty)
  }

  @Test("a NaN of the base does not hide that the update was lost")
  func hiddenLoss() throws {
    let folder = try TemporaryFolder()
    let path = FilePath(base).appending("model.safetensors")
    let file = try SafetensorsFile(opening: path)
    var bytes = array(file.bytes)
    for index in 0..<file.count where file.header.tensors[index].info.name.hasSuffix("proj.weight")
    {
      let start = file.fileRange(at: index).lowerBound
      bytes[start] = 0xC0
      bytes[start + 1] = 0x7F
    }
    let spoilt = try folder.write("base.safetensors", bytes).string
    for adapter in ["tiny-delta", "lora-all"] {
      let run = CommandRun(
        "merge", "--base", spoilt, "--adapter", .foreign("adapters/llama-bf16/\(adapter)"), "-o",
        folder("m").string)
      #expect(run.status == .judgedWrong && run.error.contains("FINITE"), "\(run.error)")
    }
    #expect(try folder.names() == ["base.safetensors"])
  }

  @Test("a base that is a merge itself, and a type that the base has already, verify")
  func chains() throws {
    let folder = try TemporaryFolder()
    let first = folder("first").string
    let second = folder("second").string
    let dora = String.foreign("adapters/llama-bf16/dora")
    #expect(CommandRun("merge", "--base", base, "--adapter", dora, "-o", first).status == .done)
    #expect(
      CommandRun(
        "merge", "--base", first, "--adapter", lora, "-o", second, "--dtype", "bf16"
      ).status == .done)
    let check = ["verify", "--merged", second, "--adapter", lora, "--base"]
    #expect(CommandRun(check + [first]).status == .done)
    #expect(CommandRun(check + [base]).status == .judgedWrong)
  }

  private func array(_ bytes: Bytes) -> [UInt8] {
    let span = bytes.span
    return [UInt8](copying: span)
  }
}
