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
      (candidate, wanted.editDistance(to: Array(candidate.unicodeScalars.prefix(64))))
    }
    list = ranked.filter { $0.1 <= limit }.sorted { $0.1 < $1.1 }.prefix(3)
      .map(\.0.quoted).joined(separator: ", ")
  }
}
