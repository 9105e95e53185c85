import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("What outputs may take the place of")
struct OutputSafetyTests {
  private let lora = String.foreign("adapters/llama-f32/lora-all")
  private let base = String.foreign("models/llama-f32")

  @Test("a pipe is never replaced, not even with --force, nor said to be in a dry run")
  func pipes() throws {
    let folder = try TemporaryFolder()
    try folder.makePipe("pipe.mopz")
    let pipe = folder("pipe.mopz").string
    let file = folder("x.mopz").string
    #expect(CommandRun("convert", lora, "-o", file).status == .done)
    let lines = [
      ["convert", lora, "-o", pipe], ["merge", "--base", base, "--adapter", lora, "-o", pipe],
      ["export", file, "--to", "peft", "-o", pipe],
    ]
    for line in lines {
      for extra in [["--force"], ["--force", "--dry-run"]] {
        let run = CommandRun(line + extra)
        #expect(run.status == .unusable)
        #expect(run.error.contains("a device, a pipe or a socket"), "\(run.error)")
      }
    }
    #expect(try folder("pipe.mopz").status()?.kind == .special)
    #expect(try folder.names() == ["pipe.mopz", "x.mopz"])
  }

  @Test("messages name the output, and no temporary file")
  func names() throws {
    let folder = try TemporaryFolder()
    let lines = [
      ["convert", lora, "-o", folder("none/x.mopz").string],
      ["merge", "--base", base, "--adapter", lora, "-o", folder("none/m").string],
    ]
    for line in lines {
      let run = CommandRun(line)
      #expect(run.status == .unusable && !run.error.contains("mopz-tmp"), "\(run.error)")
      #expect(run.error.contains("does not exist"), "\(run.error)")
      #expect(run.error.contains(folder("none").string), "\(run.error)")
    }
  }

  @Test("a container whose name does not end in .mopz is written with a warning")
  func ending() throws {
    let folder = try TemporaryFolder()
    let run = CommandRun("convert", lora, "-o", folder("team").string)
    #expect(run.status == .done && run.error.contains("does not end in .mopz"), "\(run.error)")
    #expect(CommandRun("convert", lora, "-o", folder("t.mopz").string).error.isEmpty)
  }

  @Test("what the base has and the output lacks is said, and links to directories are followed")
  func surroundings() throws {
    let folder = try TemporaryFolder()
    let model = folder("base")
    try model.createDirectory()
    try folder("tokens").createDirectory()
    try folder.write("tokens/tokenizer.json", "{}")
    let source = FilePath(base)
    for name in ["config.json", "model.safetensors"] {
      try folder.link("base/" + name, to: source.appending(name).string)
    }
    try folder.link("base/tokens", to: folder("tokens").string)
    try folder.link("base/tokens/circle", to: model.string)
    try folder.link("base/nothing", to: folder("absent").string)
    try folder.write("base/pytorch_model.bin", "old")
    let merge = ["merge", "--base", model.string, "--adapter", lora, "-o", folder("m").string]
    let run = CommandRun(merge)
    #expect(run.status == .done, "\(run.error)")
    for name in ["pytorch_model.bin", "nothing", "circle"] {
      #expect(run.error.contains(name), "\(name): \(run.error)")
    }
    #expect(try folder("m/tokens/tokenizer.json").isRegularFile())
    #expect(try !folder("m/tokens/circle").exists())
    let check = ["verify", "--merged", folder("m").string, "--base", model.string]
    #expect(CommandRun(check + ["--adapter", lora]).status == .done)
    let quiet = CommandRun(merge + ["--force", "-q"])
    #expect(quiet.status == .done && quiet.error.isEmpty, "\(quiet.error)")
  }
}
