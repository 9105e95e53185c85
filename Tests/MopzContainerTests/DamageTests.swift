import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTensors
import MopzTestSupport
import Testing

@Suite("A damaged part keeps no other from being used")
struct DamageTests {
  static let names = (0..<9).map { "task-\($0)" }

  static func container() throws -> [UInt8] {
    let adapters = names.enumerated().map { SampleAdapters.lora($1, seed: UInt64($0 + 1)) }
    return try ContainerBytes.array(of: adapters)
  }

  /// Where the directory lies, from the slot.
  static func directoryOffset(_ bytes: [UInt8]) -> Int {
    (0..<8).reduce(0) { $0 | Int(bytes[4096 + 24 + $1]) << (8 * $1) }
  }

  @Test("a task is found past a damaged entry, and a miss is no proof of absence")
  func entries() throws {
    for damaged in Self.names.indices {
      var bytes = try Self.container()
      bytes[Self.directoryOffset(bytes) + 64 + 96 * damaged + 20] ^= 1
      let container = try Container(bytes: Bytes(bytes))
      for (index, name) in Self.names.enumerated() where index != damaged {
        #expect(try container.task(named: name).name == name)
      }
      #expect(throws: ContainerError.self) { try container.task(named: Self.names[damaged]) }
      do { _ = try container.task(named: Self.names[damaged]) } catch {
        #expect(error.rule == .entryHash)
      }
      let verification = try ContainerVerification(of: Bytes(bytes))
      #expect(verification.taskCount == Self.names.count - 1)
      #expect(Set(verification.findings.map(\.rule)).isSuperset(of: ["DIR-7", "DIR-11"]))
    }
  }

  @Test("in a whole directory a missing task is missing")
  func missing() throws {
    let container = try Container(bytes: Bytes(try Self.container()))
    for name in ["", "task", "task-", "task-00", "task-9", "zzz"] {
      #expect(throws: ContainerError.noSuchTask(name)) { try container.task(named: name) }
      let isThere = try container.hasTask(named: name)
      #expect(!isThere)
    }
  }

  @Test("a damaged record is reported, and the other tasks are still hashed")
  func records() throws {
    var bytes = try Self.container()
    let entry = Self.directoryOffset(bytes) + 64 + 96 * 4
    let record = (0..<8).reduce(0) { $0 | Int(bytes[entry + 8 + $1]) << (8 * $1) }
    bytes[record + 300] ^= 1
    let container = try Container(bytes: Bytes(bytes))
    do { _ = try container.task(named: "task-4") } catch { #expect(error.rule == .recordHash) }
    #expect(throws: ContainerError.self) { try container.task(named: "task-4") }
    // A block of another task is damaged too: both are found.
    let task = try container.task(named: "task-7")
    bytes[task.blockInfo(at: 1).range.lowerBound] ^= 1
    let findings = try ContainerVerification(of: Bytes(bytes)).findings
    #expect(findings.map(\.rule) == ["REC-1", "BLK-8"])
    #expect(findings[0].where.contains("task-4"))
    #expect(findings[1].where.contains("task-7"))
    #expect(findings[1].where.contains("lora_A.weight"))
  }

  @Test("a damaged block that tasks share is reported once, with their number")
  func sharedBlock() throws {
    let adapters = ["a", "b", "c"].map { SampleAdapters.lora($0, seed: 5) }
    var bytes = try ContainerBytes.array(of: adapters)
    let task = try Container(bytes: Bytes(bytes)).task(named: "b")
    bytes[task.blockInfo(at: 2).range.lowerBound] ^= 0x80
    let findings = try ContainerVerification(of: Bytes(bytes)).findings
    #expect(findings.count == 1)
    #expect(findings[0].rule == "BLK-8")
    #expect(findings[0].message.contains("2 other tasks"))
    let damaged = try Container(bytes: Bytes(bytes)).task(named: "c")
    #expect(throws: ContainerError.self) { try damaged.verifyBlocks() }
  }

  @Test("bytes after the commit are noted, not judged")
  func tail() throws {
    let bytes = try Self.container() + [1, 2, 3]
    let verification = try ContainerVerification(of: Bytes(bytes))
    #expect(verification.isSound)
    #expect(verification.findings.map(\.severity) == [.note])
  }

  @Test("what is no container is not recognised as one")
  func foreign() throws {
    let verification = try ContainerVerification(of: Bytes(utf8: "PK and other bytes"))
    #expect(!verification.isRecognizable && !verification.isSound)
    #expect(try ContainerVerification(of: Bytes(try Self.container())).isRecognizable)
  }
}
