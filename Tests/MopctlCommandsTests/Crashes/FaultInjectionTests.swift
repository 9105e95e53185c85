import MopzBytes
import MopzContainer
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

/// Each change that a command makes to the file system fails in turn.
@Suite("Whatever fails, the output is the old one or the new one", .serialized)
struct FaultInjectionTests {
  @Test("a failing call leaves nothing behind and says so", arguments: CrashScenario.all)
  func failures(_ scenario: CrashScenario) throws {
    let prepared = try scenario.prepare()
    var generator = SeededGenerator(seed: 1)
    let old = try CrashSimulation(of: prepared.path).outcome(using: &generator)
    let log = FileEventLog()
    let clean = FileEvent.$observer.withValue(log.observe) { scenario.run(in: prepared) }
    try #require(clean.status == .done)
    let new = try CrashSimulation(of: prepared.path).outcome(using: &generator)
    let judge = OutputJudge(scenario: scenario, old: old, new: new)
    let names = Set(old.files.keys).union(new.files.keys)
    var tried = 0
    for fault in scenario.faults {
      for index in log.events.indices {
        if fault == .shortWrite, log.kinds[index] != "write" { continue }
        tried += 1
        let what: Comment = "\(fault) at \(log.kinds[index]) \(index)"
        let folder = try TemporaryFolder()
        try old.write(to: folder.path)
        let failing = FileEventLog(failingAt: index, by: fault)
        let run = FileEvent.$observer.withValue(failing.observe) { scenario.run(in: folder) }
        let left = try CrashSimulation(of: folder.path).outcome(using: &generator)
        let verdict = judge.verdict(on: left)
        #expect(verdict != .other, what)
        if fault == .kill {
          try expectUsable(scenario, folder, verdict, what)
          continue
        }
        // What fails after the output stands is only told about.
        if run.status == .done {
          #expect(verdict == .new, what)
        } else {
          #expect(run.status == .ioFailure, what)
        }
        #expect(Set(left.files.keys).isSubset(of: names), what)
        if scenario.output == "x.mopz", try folder("x.mopz").exists() {
          let verification = try ContainerVerification(of: folder("x.mopz"))
          #expect(verification.findings.filter { $0.severity != .note } == [], what)
        }
      }
    }
    print("faults in \(scenario.name): \(tried)")
  }

  /// What a killed process leaves is whole but for temporary files, and the command can be
  /// run again.
  private func expectUsable(
    _ scenario: CrashScenario, _ folder: TemporaryFolder, _ verdict: OutputJudge.Verdict,
    _ what: Comment
  ) throws {
    let strangers = try folder.names().filter { name in
      ![scenario.output, "x.mopz", "y.mopz", "large.safetensors"].contains(name)
        && !name.contains(".mopz-tmp-")
    }
    #expect(strangers == [], what)
    guard verdict == .old else { return }
    #expect(scenario.run(in: folder).status == .done, what)
    if scenario.output == "x.mopz" {
      #expect(try ContainerVerification(of: folder("x.mopz")).findings == [], what)
    }
  }
}
