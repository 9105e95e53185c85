import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("Statuses, JSON and what is left behind")
struct StatusTests {
  private static let base = String.foreign("models/llama-f32")

  private static func invalidAdapters() throws -> [String] {
    try Fixtures.path("invalid/adapters").directoryEntries()
      .filter { $0.kind == .directory }.map(\.name.string)
  }

  @Test("every invalid adapter is refused with status 2, says why, and leaves nothing")
  func invalidAdapters() throws {
    let file = try Fixtures.bytes("invalid/adapters/cases.json")
    let parsed = try JSON(parsing: file.span)
    let cases = try #require(parsed.objectValue)
    for name in try Self.invalidAdapters() {
      let folder = try TemporaryFolder()
      let run = CommandRun(
        "merge", "--base", Self.base, "--adapter", .invalid("adapters/\(name)"), "-o",
        folder("merged").string)
      #expect(run.status == .unusable, "\(name): \(run.error)")
      let mention = try #require(cases[name]?["mentions"]?.stringValue)
      #expect(run.error.contains(mention), "\(name): \(run.error)")
      #expect(try folder.names().isEmpty, "\(name)")
    }
  }

  @Test("an adapter of zeros and kinds that are only carried are refused by merge")
  func withoutEffect() throws {
    for name in ["zero", "ia3", "prefix-tuning", "alora", "pissa"] {
      let folder = try TemporaryFolder()
      let run = CommandRun(
        "merge", "--base", Self.base, "--adapter", .foreign("adapters/llama-f32/\(name)"), "-o",
        folder("merged").string)
      #expect(run.status == .unusable, "\(name): \(run.error)")
      #expect(run.error.contains(name), "\(name): \(run.error)")
      #expect(try folder.names().isEmpty)
    }
  }

  @Test("invalid archives and checkpoints are refused with status 2, and leave nothing")
  func invalidArchives() throws {
    for entry in try Fixtures.path("invalid/archives").directoryEntries()
    where !entry.name.string.hasSuffix(".json") {
      let folder = try TemporaryFolder()
      let run = CommandRun("convert", entry.path.string, "-o", folder("x.mopz").string)
      #expect(run.status == .unusable, "\(entry.name): \(run.error)")
      #expect(try folder.names().isEmpty)
    }
    for entry in try Fixtures.path("invalid/checkpoints").directoryEntries()
    where entry.kind == .directory {
      let folder = try TemporaryFolder()
      let run = CommandRun(
        "merge", "--base", entry.path.string, "--adapter",
        .foreign("adapters/llama-f32/lora-all"), "-o", folder("merged").string)
      #expect(run.status == .unusable, "\(entry.name): \(run.error)")
      #expect(try folder.names().isEmpty)
    }
  }

  @Test("with --json there is exactly one object whatever the status")
  func oneObject() throws {
    let folder = try TemporaryFolder()
    let adapter = String.foreign("adapters/llama-f32/lora-all")
    let lines: [([String], CommandStatus)] = [
      (["inspect", adapter, "--json"], .done),
      (["inspect", folder("absent").string, "--json"], .unusable),
      (["inspect", "--json"], .usage),
      (["nonsense", "--json"], .usage),
      (["convert", adapter, "--json"], .usage),
      (["merge", "--base", Self.base, "--adapter", adapter + "@nan", "-o", "x", "--json"], .usage),
      (["verify", folder("absent").string, "--json"], .unusable),
      (["verify", .invalid("BLK-8-flipped-bit.mopz"), "--json"], .judgedWrong),
      (["verify", .invalid("HDR-1-magic.mopz"), "--json"], .unusable),
      (["verify", .invalid("HDR-3-header-hash.mopz"), "--json"], .judgedWrong),
    ]
    for (arguments, status) in lines {
      let run = CommandRun(arguments)
      #expect(run.status == status, "\(arguments)")
      let object = try run.object
      #expect(object["status"]?.intValue == Int(status.rawValue), "\(arguments)")
      for key in ["schema", "command", "verdict"] {
        #expect(object[key]?.stringValue != nil, "\(arguments): \(key)")
      }
      let findings = try #require(object["findings"]?.arrayValue)
      #expect(status == .done || !findings.isEmpty)
      for finding in findings {
        #expect(
          finding.objectValue.map { Array($0.keys) } == ["severity", "rule", "where", "message"])
      }
    }
  }

  @Test("an output that exists is kept, unless --force is given")
  func existing() throws {
    let folder = try TemporaryFolder()
    let adapter = String.foreign("adapters/llama-f32/lora-all")
    let file = try folder.write("x.mopz", "mine").string
    #expect(CommandRun("convert", adapter, "-o", file).status == .unusable)
    #expect(try Bytes(mapping: FilePath(file)).count == 4)
    #expect(CommandRun("convert", adapter, "-o", file, "--force").status == .done)
    #expect(CommandRun("verify", file).status == .done)
    let merge = ["merge", "--base", Self.base, "--adapter", file, "-o", folder("merged").string]
    #expect(CommandRun(merge).status == .done)
    #expect(CommandRun(merge).status == .unusable)
    #expect(CommandRun(merge + ["--force"]).status == .done)
    #expect(try folder.names() == ["merged", "x.mopz"])
  }

  @Test("a dry run writes nothing, a quiet run prints nothing")
  func dryAndQuiet() throws {
    let folder = try TemporaryFolder()
    let adapter = String.foreign("adapters/llama-f32/lora-all")
    let file = folder("x.mopz").string
    #expect(CommandRun("convert", adapter, "-o", file, "--dry-run").status == .done)
    let merge = ["merge", "--base", Self.base, "--adapter", adapter, "-o", folder("m").string]
    #expect(CommandRun(merge + ["--dry-run"]).status == .done)
    #expect(try folder.names().isEmpty)
    let quiet = CommandRun(merge + ["-q"])
    #expect(quiet.status == .done && quiet.out.isEmpty && quiet.error.isEmpty)
  }

  @Test("task names that two sources share, and unknown tasks, are refused by name")
  func names() throws {
    let folder = try TemporaryFolder()
    let adapter = String.foreign("adapters/llama-f32/lora-all")
    let other = String.foreign("adapters/llama-bf16/lora-all")
    let file = folder("x.mopz").string
    let twice = CommandRun("convert", adapter, other, "-o", file)
    #expect(twice.status == .unusable && twice.error.contains("lora-all"))
    #expect(CommandRun("convert", "a@b#c=\(adapter)", "d=\(other)", "-o", file).status == .done)
    let unknown = CommandRun("export", file, "--task", "nobody", "--to", "peft", "-o", "y")
    #expect(unknown.status == .unusable && unknown.error.contains("nobody"))
    let exported = CommandRun(
      "merge", "--base", Self.base, "--adapter", "\(file)#a@b#c@0.5", "-o", folder("m").string)
    #expect(exported.status == .done, "\(exported.error)")
  }

  @Test("help and version go to standard output with status 0")
  func help() {
    for arguments in [["--help"], ["merge", "--help"], ["--version"], ["help", "verify"]] {
      let run = CommandRun(arguments)
      #expect(run.status == .done && !run.out.isEmpty && run.error.isEmpty, "\(arguments)")
    }
    #expect(CommandRun("merge", "--help").out.contains("EXAMPLES"))
  }
}
