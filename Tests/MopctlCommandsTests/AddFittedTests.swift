import MopzBytes
import MopzContainer
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("add --share fit")
struct AddFittedTests {
  private let folder: TemporaryFolder
  private let names: [String]

  /// A file of four fitted tasks of six that are related.
  init() throws {
    let folder = try TemporaryFolder()
    let adapters = SharingFamily(
      tasks: 6, outWidth: 160, inWidth: 128, rank: 6, sharedRank: 6, own: 0.01
    ).adapters(seed: 21)
    for adapter in adapters { try folder.writeAdapter(adapter) }
    self.folder = folder
    names = adapters.map(\.name)
    let run = CommandRun(
      ["convert"] + names[..<4].map { folder($0).string }
        + ["--share", "fit", "--max-error", "0.04", "-o", folder("x.mopz").string])
    try #require(run.status == .done, "\(run.error)")
  }

  private func add(_ arguments: String...) -> CommandRun {
    CommandRun(["add", folder("x.mopz").string] + arguments)
  }

  @Test("reports as convert does, keeps the file's bound, and verifies against the source")
  func report() throws {
    let run = add(folder("t4").string, "--share", "fit", "--json", "-v")
    #expect(run.status == .done, "\(run.out)")
    let object = try run.object
    #expect(object["added"]?.arrayValue == ["t4"])
    let sharing = try #require(object["sharing"])
    #expect(sharing["mode"] == "fit")
    #expect(sharing["bound"]?.doubleValue == 0.04)
    #expect(sharing["bytes"]?["pools"] == 0)
    #expect(sharing["bytes_after"] == object["bytes_appended"])
    let before = try #require(sharing["bytes_before"]?.intValue)
    #expect(try #require(sharing["bytes_after"]?.intValue) < before)
    #expect(sharing["pools"]?.arrayValue?.isEmpty == false)
    let task = try #require(sharing["tasks"]?.arrayValue?.first)
    #expect(task["name"] == "t4" && task["measured"] == true && task["exact"] == false)
    #expect(try #require(task["error"]?.doubleValue) <= 0.04)
    let module = try #require(task["modules"]?.arrayValue?.first)
    #expect(try #require(module["up_vectors"]?.intValue) > 0)
    let verify = CommandRun(
      ["verify", folder("x.mopz").string, "--json", "--against"]
        + names[..<5].map { folder($0).string })
    #expect(verify.status == .done, "\(verify.out)")
    #expect(try verify.object["fits"]?.arrayValue?.count == 5)
    let text = add(folder("t5").string, "--share", "fit", "--max-error", "0.1").out
    #expect(text.contains("1 task fitted"))
    #expect(text.contains("appended"))
  }

  @Test("a dry run writes nothing")
  func dryRun() throws {
    let old = try Bytes(mapping: folder("x.mopz"))
    let run = add(folder("t4").string, "--share", "fit", "--dry-run", "--json")
    #expect(run.status == .done)
    #expect(try run.object["sharing"]?["tasks"]?.arrayValue?.first?["measured"] == false)
    expectSameBytes(try Bytes(mapping: folder("x.mopz")), old)
  }

  @Test("a taken name is refused without --replace")
  func takenName() throws {
    #expect(add(folder("t3").string, "--share", "fit").status == .unusable)
    #expect(add(folder("t3").string, "--share", "fit", "--replace").status == .done)
  }

  @Test("a file without pools says so, and the task is fitted by itself")
  func noPools() throws {
    let plain = folder("plain.mopz").string
    #expect(CommandRun("convert", folder("t0").string, "-o", plain, "-q").status == .done)
    let run = CommandRun("add", plain, folder("t4").string, "--share", "fit", "--json")
    #expect(run.status == .done)
    let object = try run.object
    #expect(object["sharing"]?["bound"]?.doubleValue == 0.05)
    let findings = try #require(object["findings"]?.arrayValue)
    #expect(
      findings.contains {
        $0["rule"] == "FIT" && $0["severity"] == "warning"
          && $0["message"]?.stringValue?.contains("no pools") == true
      })
    #expect(CommandRun("verify", plain, "--against", folder("t4").string).status == .done)
  }

  @Test(
    "options that make no sense are refused, and nothing is changed",
    arguments: [
      ["--share", "fit", "--budget", "12M"], ["--max-error", "0.1"],
      ["--share", "exact", "--no-share", "t4"], ["--share", "fit", "--max-error", "1"],
      ["--share", "fit", "--no-share", "t0"], ["--share", "pools"],
    ])
  func usage(_ arguments: [String]) throws {
    let old = try Bytes(mapping: folder("x.mopz"))
    let run = CommandRun(["add", folder("x.mopz").string, folder("t4").string] + arguments)
    #expect(run.status == .usage, "\(run.out) \(run.error)")
    if arguments.contains("--budget") { #expect(run.error.contains("--max-error")) }
    expectSameBytes(try Bytes(mapping: folder("x.mopz")), old)
  }
}
