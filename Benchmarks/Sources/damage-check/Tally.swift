import MopzToolkit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How many damages of each kind were tried, and what came of them.
struct Tally {
  /// What came of the damages of one kind.
  struct Row {
    var tried = 0
    /// Errors of verification.
    var found = 0
    /// Notes, where the specification has no error: bytes that belong to no commit.
    var noted = 0
    /// Nothing to be found: dead bytes, which nothing covers.
    var indifferent = 0
    /// Errors that name a task.
    var inTask = 0
    /// Not what was expected.
    var missed = 0
  }

  /// What verification must say.
  enum Expectation { case error, note, silence }

  private var kinds: [String] = []
  private var rows: [String: Row] = [:]
  private var complaints: [String] = []

  mutating func add(_ other: Tally) {
    for kind in other.kinds {
      let row = other.rows[kind] ?? Row()
      update(kind) {
        $0.tried += row.tried
        $0.found += row.found
        $0.noted += row.noted
        $0.indifferent += row.indifferent
        $0.inTask += row.inTask
        $0.missed += row.missed
      }
    }
    complaints += other.complaints
  }

  mutating func count(
    _ kind: String, _ expected: Expectation, _ findings: [Finding],
    _ what: @autoclosure () -> String
  ) {
    let errors = findings.filter { $0.severity == .error }
    let isLocated = errors.allSatisfy { !$0.where.isEmpty && !$0.rule.isEmpty }
    let isRight =
      switch expected {
      case .error: !errors.isEmpty && isLocated
      case .note: errors.isEmpty && !findings.isEmpty
      case .silence: findings.isEmpty
      }
    update(kind) {
      $0.tried += 1
      if isRight {
        switch expected {
        case .error: $0.found += 1
        case .note: $0.noted += 1
        case .silence: $0.indifferent += 1
        }
      } else {
        $0.missed += 1
      }
      if errors.contains(where: { $0.where.contains("task \"") || $0.where.contains("entry") }) {
        $0.inTask += 1
      }
    }
    if !isRight, complaints.count < 20 { complaints.append("\(kind): \(what()): \(findings)") }
  }

  private mutating func update(_ kind: String, _ change: (inout Row) -> Void) {
    if rows[kind] == nil { kinds.append(kind) }
    change(&rows[kind, default: Row()])
  }

  /// Prints the table, and ends the program if something was missed.
  func finish() {
    print("| damage | tried | found | noted | in dead bytes | located in a task | missed |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind in kinds {
      let row = rows[kind] ?? Row()
      print(
        "| \(kind) | \(row.tried) | \(row.found) | \(row.noted) | \(row.indifferent) "
          + "| \(row.inTask) | \(row.missed) |")
    }
    for complaint in complaints { print(complaint) }
    if kinds.isEmpty || rows.values.contains(where: { $0.missed > 0 }) { exit(1) }
  }
}
