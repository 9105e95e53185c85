extension FitReport {
  /// The report of fits that know nothing of each other.
  public init(joining reports: [FitReport]) {
    var bytes = FitBytes()
    for part in reports.map(\.bytes) {
      bytes.pools += part.pools
      bytes.cores += part.cores
      bytes.indices += part.indices
      bytes.privates += part.privates
      bytes.exact += part.exact
      bytes.records += part.records
    }
    self.init(
      tasks: reports.flatMap(\.tasks), groups: reports.flatMap(\.groups), bytes: bytes,
      sourceBytes: reports.reduce(0) { $0 + $1.sourceBytes },
      truncatedBytes: reports.reduce(0) { $0 + ($1.truncatedBytes ?? 0) },
      findings: reports.flatMap(\.findings))
  }
}
