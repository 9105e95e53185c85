/// One thing that a check has to say about a file, a task or a tensor.
///
/// Checks that look at everything return all their findings instead of throwing
/// at the first. A finding never holds contents, only names and numbers.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
  /// How much a finding weighs.
  public enum Severity: String, Hashable, Sendable, CaseIterable, Comparable {
    /// Worth knowing; changes no verdict.
    case note
    /// Probably not what was meant; changes no verdict.
    case warning
    /// Wrong; the verdict is a failure.
    case error

    /// Whether the left one weighs less.
    public static func < (a: Severity, b: Severity) -> Bool { a.weight < b.weight }

    private var weight: Int {
      switch self {
      case .note: 0
      case .warning: 1
      case .error: 2
      }
    }
  }

  /// How much the finding weighs.
  public var severity: Severity
  /// The rule that speaks, such as `BLK-4` or `COVERAGE`.
  public var rule: String
  /// The file, task or tensor that the finding is about.
  public var `where`: String
  /// A lower-case clause that says what was expected and what was found.
  public var message: String

  /// Makes a finding from its parts.
  public init(severity: Severity, rule: String, where: String, message: String) {
    self.severity = severity
    self.rule = rule
    self.where = `where`
    self.message = message
  }

  /// One line: severity, place, message and rule.
  public var description: String {
    let place = `where`.isEmpty ? "" : "\(`where`): "
    return "\(severity.rawValue): \(place)\(message) (\(rule))"
  }

  /// The members `severity`, `rule`, `where` and `message`.
  public var json: JSON {
    [
      "severity": JSON(severity.rawValue), "rule": JSON(rule), "where": JSON(`where`),
      "message": JSON(message),
    ]
  }
}
