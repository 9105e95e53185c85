import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

/// The files of `fixtures/valid` and `fixtures/invalid`, which another program wrote.
@Suite("Fixtures are verdicts")
struct FixtureTests {
  static let valid = names(in: "fixtures/valid")
  static let invalid = names(in: "fixtures/invalid")

  static func names(in folder: String) -> [String] {
    let entries = (try? Fixtures.repositoryRoot.pushing(FilePath(folder)).directoryEntries()) ?? []
    return entries.map(\.name.string).filter { $0.hasSuffix(".mopz") }.sorted()
  }

  static func bytes(_ folder: String, _ name: String) throws -> Bytes {
    try Bytes(mapping: Fixtures.repositoryRoot.pushing(FilePath("fixtures/\(folder)/\(name)")))
  }

  /// The rule that a file of `fixtures/invalid` is named for.
  static func rule(of name: String) -> FormatRule? {
    let parts = name.split(whereSeparator: { $0 == "-" || $0 == "." })
    return FormatRule(rawValue: "\(parts[0])-\(parts[1])")
  }

  @Test("there are fixtures")
  func present() {
    #expect(Self.valid.count >= 10)
    #expect(Self.invalid.count >= 100)
  }

  @Test("a valid file verifies, and every task and tensor of it can be read", arguments: Self.valid)
  func verifyValid(_ name: String) throws {
    let bytes = try Self.bytes("valid", name)
    let verification = try ContainerVerification(of: bytes)
    #expect(verification.findings.filter { $0.severity == .error } == [])
    let container = try Container(bytes: bytes)
    for taskName in try container.taskNames() {
      let task = try container.task(named: taskName)
      try task.verifyBlocks()
      _ = try task.adapter()
      for index in 0..<task.tensorCount {
        let info = task.info(at: index)
        let tensor = try task.tensor(at: index)
        #expect(tensor.dtype == info.dtype && tensor.shape == info.shape)
        #expect(task.index(ofTensor: info.name) != nil)
      }
    }
  }

  @Test("an invalid file breaks the rule that it is named for, first", arguments: Self.invalid)
  func verifyInvalid(_ name: String) throws {
    let rule = try #require(Self.rule(of: name))
    let isCanonicalRule = name.hasPrefix("CAN-")
    let bytes = try Self.bytes("invalid", name)
    let verification = try ContainerVerification(
      of: bytes, requiresCanonicalForm: isCanonicalRule)
    let errors = verification.findings.filter { $0.severity == .error }
    #expect(errors.first?.rule == rule.rawValue, "\(errors)")
    if isCanonicalRule { #expect(try ContainerVerification(of: bytes).isSound) }
  }

  @Test("a rule that open or a lookup checks is refused by it", arguments: Self.invalid)
  func refused(_ name: String) throws {
    let rule = try #require(Self.rule(of: name))
    let moments = try #require(RuleTable.moments[rule.rawValue])
    guard moments.contains("open") || moments.contains("lookup") else { return }
    let bytes = try Self.bytes("invalid", name)
    var rules: [FormatRule?] = []
    do {
      let container = try Container(bytes: bytes)
      rules += container.findings.map { FormatRule(rawValue: $0.rule) }
      for index in 0..<container.taskCount {
        do { _ = try container.task(at: index) } catch { rules.append(error.rule) }
      }
    } catch { rules.append(error.rule) }
    // Some bytes that these rules are about no lookup touches.
    if rules.isEmpty, rule == .directoryReserved || rule == .dimensionLimit { return }
    #expect(rules.contains(rule), "\(rules)")
  }
}

/// The table of rules beside the specification.
enum RuleTable {
  static let rows: [[String]] = {
    let path = Fixtures.repositoryRoot.pushing(FilePath("spec/rules.tsv"))
    let text = (try? Bytes(mapping: path))?.text ?? ""
    return text.split(separator: "\n").dropFirst().map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }()

  static let moments = Dictionary(
    uniqueKeysWithValues: rows.map { ($0[0], Set($0[3].split(separator: " ").map(String.init))) })
}

@Suite("The rules are the same everywhere")
struct RuleTests {
  @Test("every rule of the specification has a case, and every case a rule")
  func cases() {
    #expect(RuleTable.rows.count > 100)
    #expect(Set(RuleTable.rows.map { $0[0] }) == Set(FormatRule.allCases.map(\.rawValue)))
  }

  @Test("a rule's requirement is the specification's sentence")
  func requirements() throws {
    for row in RuleTable.rows {
      let rule = try #require(FormatRule(rawValue: row[0]))
      #expect(rule.requirement + "." == row[2])
    }
  }

  @Test("every rule that a file can break has a fixture")
  func fixtures() {
    let covered = Set(FixtureTests.invalid.compactMap(FixtureTests.rule(of:)))
    let writersOnly = FormatRule.allCases.filter { RuleTable.moments[$0.rawValue] == ["writer"] }
    #expect(covered.union(writersOnly) == Set(FormatRule.allCases))
    #expect(covered.isDisjoint(with: writersOnly))
  }
}
