import MopzAdapters
import MopzBytes
import MopzDigest
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzContainer

/// Containers that the independent writer of `spec/reference` made.
@Suite("Containers made from the specification alone")
struct ReferenceFixtureTests {
  /// Files that were appended to, that hold coded blocks, or that a later version wrote.
  static let notWrittenAgain: Set<String> = [
    "later-minor-version", "two-generations", "three-generations-and-a-tail", "narrower-types",
    "planes", "rows-int8",
  ]

  static let valid = stems(in: "valid")
  static let invalid = stems(in: "invalid")

  static func stems(in folder: String) -> [String] {
    let entries = try? Fixtures.path(folder).directoryEntries()
    let names = (entries ?? []).map(\.name.string)
    return names.filter { $0.hasSuffix(".mopz") }.map { String($0.dropLast(5)) }
  }

  @Test("there are fixtures")
  func thereAreFixtures() {
    #expect(Self.valid.count >= 16)
    #expect(Self.invalid.count >= 250)
  }

  @Test("every valid container opens, and all of its tasks are read", arguments: valid)
  func validFiles(_ stem: String) throws {
    let container = try Container(opening: Fixtures.path("valid/\(stem).mopz"))
    for index in 0..<container.taskCount {
      _ = try container.task(at: index).adapter()
    }
  }

  @Test("every block of a valid container decodes to the bytes that were hashed", arguments: valid)
  func contentHashes(_ stem: String) throws {
    let container = try Container(opening: Fixtures.path("valid/\(stem).mopz"))
    for index in 0..<container.taskCount {
      let task = try container.task(at: index)
      for block in 0..<task.blockCount {
        let tensor = try task.tensor(ofBlock: block)
        let inner = XXH3.hash128(tensor.bytes.span)
        let found = ContentHash.hash(tensor.dtype, tensor.shape, bytes: inner)
        #expect(found == task.reader.block(block).contentHash)
      }
    }
  }

  @Test(
    "a coded block whose content is wrong is refused when it is decoded",
    arguments: invalid.filter { ["COD-5", "COD-6", "COD-7"].contains($0.prefix(5)) })
  func codedBlocks(_ stem: String) throws {
    let container = try Container(opening: Fixtures.path("invalid/\(stem).mopz"))
    let task = try container.task(at: 0)
    do throws(ContainerError) {
      _ = try task.tensor(ofBlock: 0)
      Issue.record("decoded")
    } catch {
      #expect(error.rule?.rawValue == String(stem.prefix(5)))
    }
  }

  @Test(
    "a canonical container that is read and written again has the same bytes",
    arguments: valid.filter { !notWrittenAgain.contains($0) })
  func writtenAgain(_ stem: String) throws {
    let path = Fixtures.path("valid/\(stem).mopz")
    let container = try Container(opening: path)
    let adapters = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    let folder = try TemporaryFolder()
    let again = folder.path.appending("again.mopz")
    try ContainerWriter.write(adapters.reversed(), to: again)
    let written = try Bytes(mapping: again)
    expectSameBytes(written, try Bytes(mapping: path), stem)
  }

  @Test("a defect is refused by open or lookup as the rule that it breaks", arguments: invalid)
  func invalidFiles(_ stem: String) throws {
    let id = stem.split(separator: "-").prefix(2).joined(separator: "-")
    let rule = try #require(FormatRule(rawValue: id))
    let found = Self.firstViolation(Fixtures.path("invalid/\(stem).mopz"))
    if rule.isCheckedWhenTasksAreLookedUp(stem) {
      #expect(found == rule)
    } else {
      #expect(found == nil || found == rule)
    }
  }

  /// What opening notices, or else looking all tasks up.
  static func firstViolation(_ path: FilePath) -> FormatRule? {
    do throws(ContainerError) {
      let container = try Container(opening: path)
      for finding in container.findings {
        if let rule = FormatRule(rawValue: finding.rule), finding.severity != .note { return rule }
      }
      for index in 0..<container.taskCount { _ = try container.task(at: index) }
      return nil
    } catch {
      return error.rule
    }
  }
}

extension FormatRule {
  fileprivate func isCheckedWhenTasksAreLookedUp(_ stem: String) -> Bool {
    if stem == "DIR-5-padding" || stem == "LIM-4-base-record" { return false }
    let afterLookup: Set<FormatRule> = [
      .directoryHash, .entryOrder, .nameHeap, .deadExtents,
    ]
    let id = rawValue
    if afterLookup.contains(self) { return false }
    if ["IDX-", "TIL-", "CAN-"].contains(where: id.hasPrefix) { return false }
    return ![
      "BLK-7", "BLK-8", "BLK-9", "COD-5", "COD-6", "COD-7", "SRC-11", "SRC-12", "FAC-14",
      "UPD-12", "BAS-2", "BAS-3",
    ].contains(id)
  }
}
