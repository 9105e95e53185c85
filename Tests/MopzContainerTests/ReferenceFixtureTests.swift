import MopzBytes
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
    "planes", "rows-int8", "compressed",
  ]

  static let valid = stems(in: "valid")
  static let invalid = stems(in: "invalid")

  static func stems(in folder: String) -> [String] {
    let entries = try? Fixtures.path(folder).directoryEntries()
    let names = (entries ?? []).map(\.name.string)
    return names.filter { $0.hasSuffix(".mopz") }.map { String($0.dropLast(5)) }
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
}
