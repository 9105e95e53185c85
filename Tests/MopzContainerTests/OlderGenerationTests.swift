import MopzBytes
import MopzContainer
import MopzTestSupport
import Testing

/// What is left where the newest generation of a file is damaged.
@Suite("An older generation is never taken in silence")
struct OlderGenerationTests {
  static func number(_ bytes: [UInt8], _ offset: Int) -> Int {
    (0..<8).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }

  /// A file of two generations, its newest slot, and what each generation holds.
  struct Pair {
    let bytes: [UInt8]
    let newest: Int

    init() throws {
      let file = try FixtureTests.bytes("valid", "two-generations.mopz")
      bytes = [UInt8](copying: file.span)
      let generations = (number(bytes, 4096 + 8), number(bytes, 8192 + 8))
      newest = generations.0 > generations.1 ? 4096 : 8192
      #expect(abs(generations.0 - generations.1) == 1)
    }

    func damaged(at offset: Int) -> Bytes {
      var copy = bytes
      copy[offset] ^= 4
      return Bytes(copy)
    }
  }

  @Test("where the newest slot is damaged, the older one is used, said, and no verdict of sound")
  func slot() throws {
    let pair = try Pair()
    let whole = try Container(bytes: Bytes(pair.bytes))
    for (offset, rule) in [(0, "SLT-2"), (20, "SLT-3"), (115, "SLT-3"), (500, "SLT-4")] {
      let bytes = pair.damaged(at: pair.newest + offset)
      let container = try Container(bytes: bytes)
      #expect(container.generation == whole.generation - 1)
      let finding = try #require(container.findings.first)
      #expect(finding.rule == rule && finding.severity == .warning)
      #expect(finding.message.contains("generation \(whole.generation - 1), of the other slot"))
      for name in try container.taskNames() {
        let task = try container.task(named: name)
        try task.verifyBlocks()
      }
      let verification = try ContainerVerification(of: bytes)
      #expect(!verification.isSound)
      #expect(verification.findings.first?.rule == rule)
    }
  }

  @Test("where the newest directory is damaged, the file is refused and not rolled back")
  func directory() throws {
    let pair = try Pair()
    let directory = OlderGenerationTests.number(pair.bytes, pair.newest + 24)
    for (offset, rule) in [(2, "DIR-1"), (9, "DIR-2"), (50, "DIR-2"), (60, "DIR-5")] {
      let bytes = pair.damaged(at: directory + offset)
      do throws(ContainerError) {
        _ = try Container(bytes: bytes)
        Issue.record("opened")
      } catch { #expect(error.rule?.rawValue == rule) }
      let verification = try ContainerVerification(of: bytes)
      #expect(verification.findings.map(\.rule) == [rule])
    }
  }

  @Test("where the older slot is damaged, the newest one is used, and the damage is said")
  func olderSlot() throws {
    let pair = try Pair()
    let whole = try Container(bytes: Bytes(pair.bytes))
    let bytes = pair.damaged(at: (pair.newest == 4096 ? 8192 : 4096) + 20)
    let container = try Container(bytes: bytes)
    #expect(container.rootDigest == whole.rootDigest)
    #expect(container.findings.first?.rule == "SLT-3")
    #expect(try !ContainerVerification(of: bytes).isSound)
  }

  @Test("damage of the newest slot and directory names both")
  func both() throws {
    let pair = try Pair()
    var bytes = pair.bytes
    bytes[pair.newest + 20] ^= 1
    let older = pair.newest == 4096 ? 8192 : 4096
    bytes[OlderGenerationTests.number(bytes, older + 24) + 9] ^= 1
    let verification = try ContainerVerification(of: Bytes(bytes))
    #expect(verification.findings.map(\.rule) == ["SLT-3", "DIR-2"])
  }
}
