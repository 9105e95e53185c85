import MopzBytes

/// The names that someone may have meant.
struct NameSuggestions {
  /// Up to three names, quoted, or an empty text.
  let list: String

  /// Chooses among names by the number of edits.
  ///
  /// - Complexity: O(names · length²); only the first 2,000 names are looked at.
  init(to name: String, among names: [String]) {
    let wanted = Array(name.unicodeScalars.prefix(64))
    let limit = max(2, wanted.count / 3)
    let ranked = names.prefix(2000).map { candidate in
      (candidate, Self.edits(wanted, Array(candidate.unicodeScalars.prefix(64))))
    }
    list = ranked.filter { $0.1 <= limit }.sorted { $0.1 < $1.1 }.prefix(3)
      .map(\.0.quoted).joined(separator: ", ")
  }

  /// The number of insertions, deletions and replacements between two texts.
  private static func edits(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = x == y ? diagonal : min(diagonal, row[j], above) + 1
        diagonal = above
      }
    }
    return row[b.count]
  }
}
