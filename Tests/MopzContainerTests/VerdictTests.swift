import MopzBytes
import MopzContainer
import MopzTestSupport
import SystemPackage
import Testing

/// Damaged containers, each with the rule that the reference reader found broken first.
///
/// `spec/reference/make_verdicts.py` writes the lines; the form is explained there.
struct Verdict: Sendable {
  var line: Int
  var file: String
  var edits: [(offset: Int, bytes: [UInt8])]
  var byteCount: Int?
  /// The id of a rule, or `none`.
  var rule: String

  /// Reads a line; nil if it has another form.
  init?(_ text: Substring, line: Int) {
    let parts = text.split(separator: "\t", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    self.line = line
    file = String(parts[0])
    rule = String(parts[2])
    edits = []
    for edit in parts[1].split(separator: ";") {
      if edit.hasPrefix("=") {
        byteCount = Int(edit.dropFirst())
        continue
      }
      let halves = edit.split(separator: ":")
      guard halves.count == 2, let offset = Int(halves[0]) else { return nil }
      let digits = Array(halves[1].utf8)
      edits.append(
        (
          offset,
          stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16) ?? 0
          }
        ))
    }
  }

  /// The fixture with the edits.
  func damaged(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    if let byteCount {
      bytes = Array(bytes.prefix(byteCount))
      bytes += Array(repeating: 0xA5, count: byteCount - bytes.count)
    }
    for (offset, new) in edits { bytes.replaceSubrange(offset..<(offset + new.count), with: new) }
    return bytes
  }
}

@Suite("Two readers that share no code find the same rule first")
struct VerdictTests {
  /// The lines of a file, if it is there.
  static func verdicts(_ path: FilePath) throws -> [Verdict] {
    let text = try Bytes(mapping: path).text ?? ""
    return text.split(separator: "\n").enumerated().compactMap { line, text in
      Verdict(text, line: line + 1)
    }
  }

  /// What this reader finds first.
  static func firstRule(_ bytes: [UInt8]) throws -> String {
    let verification = try ContainerVerification(
      of: Bytes(bytes), threads: WorkerThreads(count: 1), requiresCanonicalForm: true)
    return verification.findings.first { $0.severity == .error }?.rule ?? "none"
  }

  /// The verdicts that differ.
  static func differences(_ verdicts: [Verdict]) throws -> [String] {
    var originals: [String: [UInt8]] = [:]
    var differences: [String] = []
    for verdict in verdicts {
      let original: [UInt8]
      if let known = originals[verdict.file] {
        original = known
      } else {
        let bytes = try FixtureTests.bytes("valid", verdict.file)
        original = [UInt8](copying: bytes.span)
        originals[verdict.file] = original
      }
      let found = try firstRule(verdict.damaged(original))
      if found != verdict.rule {
        differences.append("line \(verdict.line): \(verdict.rule), but here \(found)")
      }
    }
    return differences
  }

  @Test("over damaged and resealed fixtures")
  func committed() throws {
    let verdicts = try Self.verdicts(Fixtures.path("verdicts.tsv"))
    #expect(verdicts.count >= 1000)
    #expect(Set(verdicts.map(\.rule)).count >= 60)
    let differences = try Self.differences(verdicts)
    #expect(differences == [], "\(differences.prefix(20))")
  }

  /// `make verdicts` makes as many as wanted; nothing is there otherwise.
  @Test("over those that were made now")
  func fresh() throws {
    let path = Fixtures.repositoryRoot.pushing(".build/verdicts.tsv")
    guard let verdicts = try? Self.verdicts(path) else { return }
    let differences = try Self.differences(verdicts)
    #expect(differences == [], "\(differences.prefix(20))")
  }

  @Test("a wrong verdict is noticed")
  func negativeControl() throws {
    var verdicts = try Array(Self.verdicts(Fixtures.path("verdicts.tsv")).prefix(3))
    for index in verdicts.indices { verdicts[index].rule = "none-such" }
    #expect(try Self.differences(verdicts).count == 3)
  }
}
