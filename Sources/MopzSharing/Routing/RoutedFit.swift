public import MopzAdapters

/// Fits adapters to pools that a container has, each by itself.
///
/// ```swift
/// let result = try RoutedFit(of: adapters, FitOptions(.maxError(0.05)), through: pools).run()
/// ```
///
/// The pools stay as they are and cost nothing; an adapter is stored as what it takes from them
/// and what they cannot give. It is as if the adapters came one after the other, in any order:
/// none sees another, and no new pools are made.
public struct RoutedFit: Sendable {
  private let adapters: [Adapter]
  private let options: FitOptions
  private let pools: [StoredPool]

  /// Prepares a fit of adapters through pools.
  public init(of adapters: [Adapter], _ options: FitOptions, through pools: [StoredPool]) {
    self.adapters = adapters
    self.options = options
    self.pools = pools
  }

  /// Fits.
  ///
  /// - Throws: ``FitError``, as ``SharingFit``.
  /// - Complexity: That of a fit of each adapter by itself to pools that are known: no pool is
  ///   looked for.
  public func run() throws(FitError) -> FitResult {
    var result = FitResult(adapters: [], report: .empty)
    for adapter in adapters {
      result.join(try SharingFit(of: [adapter], options, through: pools).run())
    }
    return result
  }
}

extension FitReport {
  fileprivate static var empty: FitReport {
    FitReport(
      tasks: [], groups: [], bytes: FitBytes(), sourceBytes: 0, truncatedBytes: 0, findings: [])
  }
}

extension FitResult {
  /// Appends the result of another fit.
  fileprivate mutating func join(_ other: FitResult) {
    adapters += other.adapters
    report.tasks += other.report.tasks
    report.groups += other.report.groups
    report.bytes.pools += other.report.bytes.pools
    report.bytes.cores += other.report.bytes.cores
    report.bytes.indices += other.report.bytes.indices
    report.bytes.privates += other.report.bytes.privates
    report.bytes.exact += other.report.bytes.exact
    report.bytes.records += other.report.bytes.records
    report.sourceBytes += other.report.sourceBytes
    report.truncatedBytes = (report.truncatedBytes ?? 0) + (other.report.truncatedBytes ?? 0)
    report.findings += other.report.findings
  }
}
