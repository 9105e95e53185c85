import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("Messages, and where they point")
struct MessageTests {
  private let base = String.foreign("models/llama-f32")
  private let lora = String.foreign("adapters/llama-f32/lora-all")

  private func errors(_ run: CommandRun) throws -> [JSON] {
    (try run.object["findings"]?.arrayValue ?? []).filter {
      $0["severity"]?.stringValue == "error"
    }
  }

  @Test("every error has a place: a file, a task, a tensor or the command line")
  func places() throws {
    let folder = try TemporaryFolder()
    let file = folder("x.mopz").string
    #expect(CommandRun("convert", lora, "-o", file).status == .done)
    let merge = ["merge", "--base", base, "-o", folder("m").string, "--adapter"]
    let cases: [([String], String)] = [
      (["inspect", .invalid("HDR-1-magic.mopz")], "HDR-1-magic.mopz"),
      (["verify", .invalid("HDR-1-magic.mopz")], ""),
      (["export", .invalid("HDR-1-magic.mopz"), "--to", "peft", "-o", "y"], "HDR-1-magic.mopz"),
      (merge + [String.invalid("HDR-1-magic.mopz") + "#x"], "HDR-1-magic.mopz"),
      (["convert", .invalid("BLK-8-flipped-bit.mopz"), "-o", folder("y.mopz").string], "BLK-8"),
      (["export", file, "--task", "lora-al", "--to", "peft", "-o", "y"], "x.mopz"),
      (["inspect", file, "--task", "lora-al"], "x.mopz"),
      (merge + [file + "#lora-al"], "x.mopz"),
      (merge + [String.foreign("adapters/llama-f32/zero")], "adapter \"zero\""),
      (merge + [String.foreign("adapters/gpt2-f32/lora-all")], "adapter \"lora-all\""),
      (merge + [lora + "@1e39"], "tensor"),
      (merge + ["absent@2"], "\"absent\""),
      (merge + [lora + "@nan"], "command line"),
      (["merge"], "command line"), (["nonsense"], "command line"),
    ]
    for (arguments, place) in cases {
      let run = CommandRun(arguments + ["--json"])
      let errors = try errors(run)
      #expect(run.status != .done && !errors.isEmpty, "\(arguments)")
      for error in errors {
        let found = error["where"]?.stringValue ?? ""
        #expect(!found.isEmpty && found.contains(place), "\(arguments): \(error)")
        // The place is said once.
        #expect(error["message"]?.stringValue?.hasPrefix(found) == false)
      }
    }
  }

  @Test("an unknown task is answered with names that are near, or some that there are")
  func unknownTask() throws {
    let folder = try TemporaryFolder()
    let file = folder("x.mopz").string
    #expect(CommandRun("convert", "support-de=\(lora)", "-o", file).status == .done)
    for name in ["support-fr", "entirely-different"] {
      let lines = [
        ["export", file, "--task", name, "--to", "peft", "-o", folder("y").string],
        ["inspect", file, "--task", name],
        ["merge", "--base", base, "--adapter", "\(file)#\(name)", "-o", folder("y").string],
      ]
      for line in lines {
        let run = CommandRun(line)
        #expect(run.status == .unusable && run.error.contains(name), "\(run.error)")
        #expect(run.error.contains("support-de"), "\(run.error)")
      }
    }
  }

  @Test("--json answers help and version, and a line without a command, with one object")
  func answers() throws {
    for arguments in [
      ["--version", "--json"], ["--json", "--version"], ["--help", "--json"], ["--json"],
      ["help", "--json"], ["help", "merge", "--json"], ["merge", "--help", "--json"],
    ] {
      let run = CommandRun(arguments)
      #expect(run.status == .done && run.error.isEmpty, "\(arguments): \(run.error)")
      let object = try run.object
      #expect(object["schema"]?.stringValue == "mopctl.help/1", "\(arguments)")
      #expect(object["status"]?.intValue == 0 && object["verdict"]?.stringValue == "ok")
      #expect(object["text"]?.stringValue?.isEmpty == false)
      #expect(object["format_version"]?.stringValue == "1.0")
    }
    let unknown = CommandRun("bogus", "--json")
    #expect(unknown.status == .usage)
    let message = try #require(try errors(unknown).first?["message"]?.stringValue)
    #expect(message.contains("bogus") && !message.contains("--json"), "\(message)")
  }

  @Test("remedies name only types that hold more than the output's")
  func remedies() throws {
    let folder = try TemporaryFolder()
    func error(_ model: String, _ adapter: String, _ type: String) -> String {
      CommandRun(
        "merge", "--base", .foreign("models/\(model)"), "--adapter",
        .foreign("adapters/\(adapter)"), "-o", folder("m").string, "--dtype", type
      ).error
    }
    let narrow = error("llama-bf16", "llama-bf16/tiny-delta", "keep")
    #expect(narrow.contains("--dtype f16 or f32"), "\(narrow)")
    let half = error("llama-f32", "llama-f32/lora-all@1e12", "f16")
    #expect(half.contains("OVERFLOW") && half.contains("--dtype bf16 or f32"), "\(half)")
    let tiny = error("llama-f32", "llama-f32/lora-all@1e-9", "keep")
    #expect(tiny.contains("SURVIVAL") && !tiny.contains("--dtype"), "\(tiny)")
    #expect(tiny.contains("keep the adapter apart"), "\(tiny)")
  }

  @Test("a number that Float64 does not hold is quoted")
  func hugeAlpha() throws {
    let folder = try TemporaryFolder()
    let source = FilePath(lora)
    try folder.link(
      "adapter_model.safetensors", to: source.appending("adapter_model.safetensors").string)
    let bytes = try Bytes(mapping: source.appending("adapter_config.json"))
    let span = bytes.span
    let text = String(decoding: [UInt8](copying: span), as: UTF8.self)
      .replacing(/"lora_alpha": \d+/, with: "\"lora_alpha\": 1e400")
    try folder.write("adapter_config.json", text)
    let run = CommandRun("inspect", folder.path.string)
    #expect(run.status == .unusable && run.error.contains("found 1e400"), "\(run.error)")
  }
}
