import MopzBytes

/// Findings as lines for people: the first few of each rule, and how many more there are.
struct FindingLines {
  /// How many findings of one rule and severity are shown.
  private static let limit = 5

  let lines: [String]

  /// - Parameter isComplete: Whether to show all of them.
  init(_ findings: [Finding], isComplete: Bool) {
    struct Group: Hashable {
      var severity: Finding.Severity
      var rule: String
    }
    var counts: [Group: Int] = [:]
    var order: [Group] = []
    var lines: [String] = []
    for finding in findings {
      let group = Group(severity: finding.severity, rule: finding.rule)
      let count = counts[group, default: 0] + 1
      if count == 1 { order.append(group) }
      counts[group] = count
      if isComplete || count <= Self.limit { lines.append("mopctl: \(finding)\n") }
    }
    for group in order {
      let rest = counts[group, default: 0] - Self.limit
      guard !isComplete, rest > 0 else { continue }
      lines.append(
        "mopctl: \(group.severity.rawValue): … and \(rest) more (\(group.rule)); "
          + "see them with --verbose or --json\n")
    }
    self.lines = lines
  }
}
