extension Array where Element: Equatable {
  /// The number of insertions, deletions and replacements that turn this into another
  /// sequence (the Levenshtein distance).
  ///
  /// - Complexity: O(m · n), with memory for one row.
  public func editDistance(to other: [Element]) -> Int {
    var row = [Int](0...other.count)
    for (i, x) in enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in other.enumerated() {
        let substituted = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = Swift.min(substituted, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[other.count]
  }
}
