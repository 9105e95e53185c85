import MopzBytes
import MopzContainer
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

/// The power fails in the middle of a command: what is not synchronised may be lost, torn or
/// reordered.
@Suite("Whatever a crash leaves is the old output or the new one", .serialized)
struct CrashReplayTests {
  /// What the states after crashes were.
  struct Replay {
    var points = 0
    var states = 0
    var verdicts: Set<OutputJudge.Verdict> = []
    /// The verdicts on states after the command has returned.
    var atEnd: Set<OutputJudge.Verdict> = []
    /// Containers that open with a damaged slot.
    var damagedSlots = 0
    /// Containers that open.
    var containers = 0
    /// Some of the containers that were left.
    var samples: [[UInt8]] = []
  }

  /// Replays a command's changes, and looks at what a crash after each may leave.
  ///
  /// - Parameters:
  ///   - dropped: The number of the synchronisation that the disk forgets; writes are then lost
  ///     or kept, and not torn.
  ///   - cutsSlots: Whether writes of a slot are cut at every byte of what they say.
  private static func replay(
    _ scenario: CrashScenario, dropping dropped: Int? = nil, cutsSlots: Bool = false
  ) throws -> Replay {
    let limit = CrashEffort.isFull || !scenario.isMerge ? 256 : 8
    let folder = try scenario.prepare()
    var simulation = try CrashSimulation(of: folder.path)
    var generator = SeededGenerator(seed: 7)
    let old = simulation.outcome(using: &generator)
    let log = FileEventLog()
    let run = FileEvent.$observer.withValue(log.observe) { scenario.run(in: folder) }
    try #require(run.status == .done, "\(run.error)")
    let new = try CrashSimulation(of: folder.path).outcome(using: &generator)
    let judge = OutputJudge(scenario: scenario, old: old, new: new)
    var replay = Replay()
    var synchronisations = 0
    for event in log.events {
      switch event {
      case .synchronize, .synchronizeDirectory:
        synchronisations += 1
        if synchronisations - 1 == dropped { continue }
      default: break
      }
      simulation.follow(event)
      var states = simulation.outcomes(limit: min(limit, 64), using: &generator)
      states += (0..<8).map { _ in simulation.outcome(using: &generator) }
      if dropped == nil {
        states += simulation.tornOutcomes(sectorByteCount: 512, limit: limit, using: &generator)
      }
      if cutsSlots, case .write(_, let offset, let bytes) = event, offset < 12288,
        bytes.count == 4096
      {
        states += simulation.cutOutcomes(at: 0..<130)
      }
      replay.points += 1
      replay.states += states.count
      for state in states { replay.note(state, judge.verdict(on: state)) }
    }
    replay.atEnd = Set(
      simulation.outcomes(limit: 64, using: &generator).map { judge.verdict(on: $0) })
    return replay
  }

  @Test(
    "every state is old or new, and new once the command has returned", arguments: CrashScenario.all
  )
  func replays(_ scenario: CrashScenario) throws {
    let replay = try Self.replay(scenario)
    #expect(replay.verdicts == [.old, .new])
    #expect(replay.atEnd == [.new])
    // A device writes sectors whole, and a slot lies in one.
    #expect(replay.damagedSlots == 0)
    print("replay of \(scenario.name): \(replay.points) crash points, \(replay.states) states")
  }

  @Test(
    "a slot that is cut at any byte leaves the old generation or the new one",
    arguments: CrashScenario.all.filter { $0.name.hasPrefix("add") || $0.name == "remove" })
  func cutSlots(_ scenario: CrashScenario) throws {
    let replay = try Self.replay(scenario, cutsSlots: true)
    #expect(replay.verdicts == [.old, .new])
    #expect(replay.damagedSlots > 0, "the cuts were made")
    print("cut slots of \(scenario.name): \(replay.states) states")
  }

  @Test(
    "the replay finds every synchronisation that is missing, in every command",
    arguments: CrashScenario.all.filter { CrashEffort.isFull || !$0.isMerge })
  func control(_ scenario: CrashScenario) throws {
    let folder = try scenario.prepare()
    let log = FileEventLog()
    _ = FileEvent.$observer.withValue(log.observe) { scenario.run(in: folder) }
    let kinds = log.kinds.filter { $0.hasPrefix("synchronize") }
    for dropped in kinds.indices {
      let replay = try Self.replay(scenario, dropping: dropped)
      // The first one of a commit is about a name that an earlier writer may have made.
      if scenario.isCommit && dropped == 0 { continue }
      #expect(
        replay.verdicts.contains(.other) || replay.atEnd != [.new],
        "\(kinds[dropped]) \(dropped) of \(kinds)")
    }
  }

  @Test("the next command works on whatever a crash left", arguments: ["add", "remove"])
  func next(_ name: String) throws {
    let scenario = try #require(CrashScenario.all.first { $0.name == name })
    let replay = try Self.replay(scenario, cutsSlots: true)
    #expect(replay.samples.count >= 20)
    for bytes in replay.samples {
      let folder = try TemporaryFolder()
      let file = try folder.write("x.mopz", bytes).string
      let arguments = ["add", file, "next=" + .foreign("adapters/llama-f32/rank-1")]
      let run = CommandRun(arguments)
      if run.status == .unusable {
        // A damaged slot: only on request, and never in silence.
        #expect(run.error.contains("--force"), "\(run.error)")
        #expect(CommandRun(arguments + ["--force"]).status == .done)
      } else {
        #expect(run.status == .done, "\(run.error)")
      }
      #expect(CommandRun("verify", file).status == .done)
    }
  }
}

extension CrashReplayTests.Replay {
  fileprivate mutating func note(_ state: DiskState, _ verdict: OutputJudge.Verdict) {
    verdicts.insert(verdict)
    guard let bytes = state.files["/x.mopz"], let container = try? Container(bytes: Bytes(bytes))
    else { return }
    let isDamaged = container.findings.contains { $0.severity > .note }
    if isDamaged { damagedSlots += 1 }
    containers += 1
    if containers % 40 == 0 || isDamaged && damagedSlots % 25 == 0 { samples.append(bytes) }
  }
}

extension CrashScenario {
  /// Whether the command adds a commit to a file that exists.
  fileprivate var isCommit: Bool {
    command.first == "add" || command.first == "remove" || command.first == "compact"
  }
}
