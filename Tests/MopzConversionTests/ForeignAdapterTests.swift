import MopzAdapters
import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Adapters that the real tools wrote")
struct ForeignAdapterTests {
  struct Entry: Sendable, CustomTestStringConvertible {
    var path: String
    var kind: String
    var outcome: String
    var testDescription: String { path }
  }

  static func json(_ path: String) throws -> [JSON] {
    let bytes = try Fixtures.bytes(path)
    return try #require(JSON(parsing: bytes.span).arrayValue)
  }

  static let entries: [Entry] = {
    let manifest = (try? json("foreign/manifest.json")) ?? []
    return manifest.compactMap { entry in
      guard let model = entry["model"]?.stringValue, let adapter = entry["adapter"]?.stringValue,
        let kind = entry["kind"]?.stringValue, let outcome = entry["outcome"]?.stringValue
      else { return nil }
      return Entry(path: "foreign/adapters/\(model)/\(adapter)", kind: kind, outcome: outcome)
    }
  }()

  static func imported(_ path: String) throws -> ImportedAdapter {
    try #require(SourceArgument(path: Fixtures.path(path)).sources().first).imported()
  }

  @Test("the manifest lists adapters")
  func manifest() { #expect(Self.entries.count > 40) }

  @Test("each is read, and every tensor has its use", arguments: entries)
  func all(_ entry: Entry) throws {
    let adapter = try Self.imported(entry.path).adapter
    let isCarried = entry.outcome == "carried"
    let uses = Self.uses(adapter)
    for (index, tensor) in adapter.sourceTensors.enumerated() {
      guard case .block(let block) = tensor.content else {
        Issue.record("\(tensor.name) is no block")
        continue
      }
      #expect(block == index)
      switch tensor.disposition {
      case .consumed: #expect(uses[block] == 1, "\(tensor.name)")
      case .carried: #expect(isCarried)
      case .redundant, .scalar: #expect(uses[block] == nil)
      }
    }
    #expect(adapter.targets.isEmpty == isCarried)
    if entry.kind == "dora" { #expect(adapter.kind == .dora) }
    if entry.kind == "mos" { #expect(adapter.kind == .mixtureOfShards) }
    if isCarried && entry.kind != "pissa" { #expect(adapter.kind.rawValue == entry.kind) }
  }

  /// How often the updates refer to each block.
  static func uses(_ adapter: Adapter) -> [Int: Int] {
    var uses: [Int: Int] = [:]
    for target in adapter.targets {
      for operand in target.operands { uses[operand.block, default: 0] += 1 }
      for term in target.terms {
        for factor in [term.down, term.up] {
          // Public and private shards of one pool are ranges of one block.
          let ranges = adapter.pools[adapter.factors[factor].pool].ranges
          for block in Set(ranges.map(\.block)) { uses[block, default: 0] += 1 }
          if case .explicit(let block) = adapter.factors[factor].indices {
            uses[block, default: 0] += 1
          }
        }
      }
    }
    return uses
  }

  @Test("patterns give each module the scale of its training")
  func patterns() throws {
    let adapter = try Self.imported("foreign/adapters/llama-f32/patterns").adapter
    for target in adapter.targets {
      let rank = adapter.factors[target.terms[0].down].rank
      // Trained with r 4, alpha 8; q_proj r 2, alpha 16; up_proj alpha 3; one down_proj r 6.
      let expected: (Int, Double) =
        switch true {
        case target.module.hasSuffix("q_proj"): (2, 16 / 2)
        case target.module.hasSuffix("up_proj"): (4, 3 / 4)
        case target.module.hasSuffix("1.mlp.down_proj"): (6, 8 / 6)
        default: (4, 8 / 4)
        }
      #expect(rank == expected.0)
      #expect(target.terms[0].scaling == expected.1)
    }
  }

  @Test("files of one scale have it everywhere")
  func singleFiles() throws {
    for entry in try Self.json("foreign/files.json") {
      let path = try #require(entry["path"]?.stringValue)
      let imported = try Self.imported("foreign/\(path)")
      let scales = Set(imported.adapter.targets.flatMap(\.terms).map(\.scaling))
      #expect(scales == [entry["scale"]?.doubleValue ?? 1], "\(path)")
      let isAssumed = imported.findings.contains { $0.rule == "SCALING" && $0.severity == .warning }
      #expect(isAssumed == (entry["scale"]?.isNull == true), "\(path)")
      for target in imported.adapter.targets where target.naming == .dotted {
        #expect(target.module.hasPrefix("model.layers."))
      }
    }
  }

  @Test("leaked wrapper names are understood")
  func leakedWrappers() throws {
    let adapter = try Self.imported("foreign/adapters/roberta-f32/leaked-wrappers").adapter
    #expect(adapter.targets.contains { $0.module == "classifier.dense" && $0.kind == .replacement })
    #expect(adapter.sourceTensors.contains { $0.disposition == .redundant })
  }
}

@Suite("Adapters with one defect each")
struct InvalidAdapterTests {
  /// Defects that show only beside a base, or only when a merge looks at values or kinds.
  static let foundLater: Set = [
    "unknown-module", "unknown-layer", "wrong-base", "wrong-shape", "nan", "infinity",
    "unknown-method",
  ]

  static let cases: [(String, String)] = {
    guard let bytes = try? Fixtures.bytes("invalid/adapters/cases.json"),
      let object = try? JSON(parsing: bytes.span).objectValue
    else { return [] }
    return object.map { ($0.key, $0.value["mentions"]?.stringValue ?? "") }
  }()

  @Test("the list has cases")
  func list() { #expect(Self.cases.count > 15) }

  @Test("each is refused with what is wrong", arguments: cases)
  func refused(_ name: String, _ mentions: String) throws {
    let argument = SourceArgument(path: Fixtures.path("invalid/adapters/\(name)"))
    let error: ConversionError?
    do throws(ConversionError) {
      for source in try argument.sources() { _ = try source.imported() }
      error = nil
    } catch let thrown {
      error = thrown
    }
    if Self.foundLater.contains(name) {
      #expect(error == nil)
    } else {
      #expect(try #require(error).description.contains(mentions))
    }
  }
}
