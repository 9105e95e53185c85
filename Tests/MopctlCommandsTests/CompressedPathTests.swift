import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("A compressed container does whatever a raw one does")
struct CompressedPathTests {
  private let base = String.foreign("models/llama-bf16")
  private let sources = [
    "support=\(String.foreign("adapters/llama-bf16/lora-all"))",
    "legal=\(String.foreign("adapters/llama-bf16/dora"))",
  ]

  private func convert(_ arguments: [String], to path: FilePath) {
    let run = CommandRun(["convert"] + arguments + ["-o", path.string])
    #expect(run.status == .done, "\(run.error)")
  }

  @Test("it is verified, exported, merged and run with the results of the raw one")
  func sameResults() throws {
    let folder = try TemporaryFolder()
    let files = (raw: folder("raw.mopz"), packed: folder("packed.mopz"))
    convert(sources + ["--base", base], to: files.raw)
    convert(sources + ["--base", base, "--compress"], to: files.packed)
    let sizes = (try Bytes(mapping: files.raw).count, try Bytes(mapping: files.packed).count)
    #expect(sizes.1 < sizes.0)

    var merged: [Bytes] = []
    var passes: [JSON?] = []
    for (number, file) in [files.raw, files.packed].enumerated() {
      let run = CommandRun(["verify", file.string, "--against"] + sources)
      #expect(run.status == .done, "\(run.out) \(run.error)")
      let selector = "\(file.string)#support"
      let output = folder("merged\(number)")
      #expect(
        CommandRun("merge", "--base", base, "--adapter", selector, "-o", output.string).status
          == .done)
      merged.append(try Bytes(mapping: output.appending("model.safetensors")))
      let other = "\(files.packed.string)#support"
      #expect(
        CommandRun("verify", "--merged", output.string, "--base", base, "--adapter", other).status
          == .done)
      let forward = CommandRun(
        "verify", "--forward", "--base", base, "--adapter", selector, "--json")
      #expect(forward.status == .done)
      passes.append(try forward.object["forward"]?["adapted"])

      let exported = folder("exported\(number)")
      let export = ["export", file.string, "--task", "legal", "--to", "peft", "-o"]
      #expect(CommandRun(export + [exported.string]).status == .done)
      for name in ["adapter_config.json", "adapter_model.safetensors"] {
        let source = FilePath(String.foreign("adapters/llama-bf16/dora")).appending(name)
        expectSameBytes(
          try Bytes(mapping: exported.appending(name)), try Bytes(mapping: source), name)
      }
    }
    expectSameBytes(merged[1], merged[0], "merged")
    #expect(passes[0] != nil && passes[0] == passes[1])
  }

  @Test("compressing and decompressing are conversions, and give what a direct one gives")
  func thereAndBack() throws {
    let folder = try TemporaryFolder()
    convert(sources, to: folder("raw.mopz"))
    convert(sources + ["--compress", "-j", "1"], to: folder("packed.mopz"))
    convert([folder("raw.mopz").string, "--compress"], to: folder("packed again.mopz"))
    convert([folder("packed.mopz").string], to: folder("raw again.mopz"))
    for name in ["raw", "packed"] {
      expectSameBytes(
        try Bytes(mapping: folder("\(name) again.mopz")),
        try Bytes(mapping: folder("\(name).mopz")), name)
    }
  }

  @Test("a dry run knows the size, and leaves nothing")
  func dryRun() throws {
    let folder = try TemporaryFolder()
    let arguments = ["convert"] + sources + ["--compress", "-o", folder("x.mopz").string, "--json"]
    let planned = try CommandRun(arguments + ["--dry-run"]).object
    #expect(try folder.names().isEmpty)
    let done = try CommandRun(arguments).object
    #expect(planned["file_bytes"]?.intValue == done["file_bytes"]?.intValue)
    #expect((done["bytes_compressed_away"]?.intValue ?? 0) > 0)
    #expect(try Bytes(mapping: folder("x.mopz")).count == done["file_bytes"]?.intValue)
  }
}
