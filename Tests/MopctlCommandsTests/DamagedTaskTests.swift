import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

/// Five tasks in one file, of which one or another is damaged.
@Suite("A damaged task hides no other from the commands")
struct DamagedTaskTests {
  /// Adapters of the fixtures, in the order of their names.
  static let names = ["dora", "lora-all", "modules-to-save", "patterns", "rslora"]
  static let base = String.foreign("models/llama-f32")

  /// The container's bytes, and where its entries, names and records lie.
  struct Family: Sendable {
    /// Made once for all cases.
    static let shared = Result { try Family() }

    let folder: TemporaryFolder
    let bytes: [UInt8]

    init() throws {
      folder = try TemporaryFolder()
      let sources = DamagedTaskTests.names.map { String.foreign("adapters/llama-f32/\($0)") }
      let run = CommandRun(["convert"] + sources + ["-o", folder("whole.mopz").string])
      #expect(run.status == .done, "\(run.error)")
      let mapped = try Bytes(mapping: folder("whole.mopz"))
      bytes = [UInt8](copying: mapped.span)
    }

    func number(_ offset: Int) -> Int {
      (0..<8).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    var directory: Int { number(4096 + 24) }
    func record(_ task: Int) -> Int { number(directory + 64 + 96 * task + 8) }
    func privateExtent(_ task: Int) -> Int { number(directory + 64 + 96 * task + 40) }

    /// The path of a copy in which a byte is another.
    func damaged(at offset: Int) throws -> String {
      var copy = bytes
      copy[offset] ^= 0x20
      return try folder.write("damaged-\(offset).mopz", copy).string
    }
  }

  /// What is damaged, and how.
  enum Part: String, CaseIterable { case entry, record, block }

  @Test("inspect, export, merge and verify", arguments: Part.allCases, [0, 3])
  func commands(_ part: Part, _ task: Int) throws {
    let family = try Family.shared.get()
    let names = Self.names
    let offset =
      switch part {
      case .entry: family.directory + 64 + 96 * task + 33
      case .record: family.record(task) + 300
      case .block: family.privateExtent(task)
      }
    let file = try family.damaged(at: offset)

    let verify = CommandRun("verify", file, "--json")
    #expect(verify.status == .judgedWrong, "\(verify.error)")
    let verified = try verify.object
    let sound = verified["tasks"]?.intValue
    #expect(sound == (part == .block ? 5 : 4))

    // Bytes of blocks are not read to show what there is.
    let inspect = CommandRun("inspect", file, "--json")
    let listed = try inspect.object["tasks"]?.arrayValue?.compactMap { $0["name"]?.stringValue }
    let rest = names.enumerated().filter { $0.offset != task }.map(\.element)
    #expect(inspect.status == (part == .block ? .done : .judgedWrong), "\(inspect.error)")
    #expect(listed == (part == .block ? names : rest))

    for (index, name) in names.enumerated() {
      let isLost = index == task
      let out = family.folder("\(name)-\(offset)").string
      let export = CommandRun("export", file, "--task", name, "--to", "safetensors", "-o", out)
      #expect(export.status == (isLost ? .unusable : .done), "\(name): \(export.error)")
      #expect(try FilePath(out).exists() == !isLost)
      let inspect = CommandRun("inspect", file, "--task", name)
      #expect(inspect.status == (isLost && part != .block ? .unusable : .done), "\(inspect.error)")
    }

    let healthy = names[(task + 1) % 5]
    for (name, isLost) in [(names[task], true), (healthy, false)] {
      let out = family.folder("merged-\(name)-\(offset)").string
      let merge = CommandRun(
        "merge", "--base", Self.base, "--adapter", "\(file)#\(name)", "-o", out, "--dry-run")
      #expect(merge.status == (isLost ? .unusable : .done), "\(name): \(merge.error)")
    }
  }

  @Test("a damaged slot is a warning that names the generation in use, and damage to a check")
  func damagedSlot() throws {
    let folder = try TemporaryFolder()
    let file = folder("a.mopz").string
    let source = String.foreign("adapters/llama-f32/lora-all")
    #expect(CommandRun("convert", source, "-o", file).status == .done)
    #expect(CommandRun("add", file, "second=" + source).status == .done)
    let mapped = try Bytes(mapping: folder("a.mopz"))
    var bytes = [UInt8](copying: mapped.span)
    // Generation 1 lies in slot A.
    bytes[4096 + 20] ^= 1
    let damaged = try folder.write("damaged.mopz", bytes).string
    let export = CommandRun(
      "export", damaged, "--task", "second", "--to", "peft", "-o", folder("out").string, "--json")
    #expect(export.status == .done)
    let findings = try #require(try export.object["findings"]?.arrayValue)
    #expect(findings.map { $0["rule"]?.stringValue } == ["SLT-3"])
    #expect(findings[0]["severity"]?.stringValue == "warning")
    #expect(findings[0]["message"]?.stringValue?.contains("generation 2") == true)
    for command in ["verify", "inspect"] {
      let run = CommandRun(command, damaged, "--json")
      #expect(run.status == .judgedWrong)
      #expect(run.out.contains("SLT-3"))
    }
  }
}
