import MopzBytes

/// The names that someone who wrote another name may have meant.
enum NearestNames {
  /// Up to `count` of `names`, best first: those that share the most trailing
  /// path components, then those that take the fewest edits.
  ///
  /// - Complexity: O(names · length); edits are counted for 64 candidates at most.
  static func nearest(to name: String, among names: some Sequence<String>, count: Int = 3)
    -> [String]
  {
    let wanted = components(name)
    var best: [(shared: Int, name: String)] = []
    var floor = 0
    for candidate in names {
      let shared = sharedSuffixCount(wanted, components(candidate))
      guard shared >= floor else { continue }
      best.append((shared, candidate))
      if best.count >= 512 {
        best = Array(best.sorted { $0.shared > $1.shared }.prefix(64))
        floor = best.last?.shared ?? 0
      }
    }
    let candidates = best.sorted { ($1.shared, $0.name) < ($0.shared, $1.name) }.prefix(64)
    let measured = candidates.map {
      (edits: editDistance($0.name, name), shared: $0.shared, name: $0.name)
    }
    let ordered = measured.sorted {
      ($0.edits - 4 * $0.shared, $0.name) < ($1.edits - 4 * $1.shared, $1.name)
    }
    return ordered.prefix(count).map(\.name)
  }

  private static func components(_ name: String) -> [Substring] {
    name.split(separator: ".", omittingEmptySubsequences: false)
  }

  private static func sharedSuffixCount(_ a: [Substring], _ b: [Substring]) -> Int {
    zip(a.reversed(), b.reversed()).prefix { $0 == $1 }.count
  }

  /// The Levenshtein distance over the last 96 bytes of both.
  static func editDistance(_ a: String, _ b: String) -> Int {
    Array(a.utf8.suffix(96)).editDistance(to: Array(b.utf8.suffix(96)))
  }
}
