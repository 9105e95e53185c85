public import MopzAdapters
import MopzBytes
import MopzLinearAlgebra

/// Published ways to make families of adapters smaller, in the same form as our fit.
///
/// For honest comparisons: they store the same types, are measured by the same code, and take
/// the same records into account.
public enum SharingBaseline: String, Hashable, Sendable, CaseIterable {
  /// Each update cut to the same rank, as published.
  case truncatedSVD
  /// Each update cut to a rank of its own, by reverse water-filling: our fit without pools.
  case waterFilledSVD
  /// Joint diagonalisation with full cores: equal pools for B and A in each module.
  case jointDiagonalFull
  /// Joint diagonalisation with diagonal cores.
  case jointDiagonal
  /// Joint diagonalisation with full cores for each of some clusters of tasks.
  case clustered
  /// One pool for all layers and tasks, and a gate for each pair of it.
  case pureSharing
}

/// Makes adapters small by a baseline.
public struct BaselineFit: Sendable {
  private let adapters: [Adapter]
  private let baseline: SharingBaseline
  private let options: FitOptions

  /// Prepares a baseline.
  ///
  /// - Parameter options: Its goal, type and threads count; a chosen type means Float32.
  public init(of adapters: [Adapter], _ baseline: SharingBaseline, _ options: FitOptions) {
    self.adapters = adapters
    self.baseline = baseline
    self.options = options
  }

  /// The smallest size that meets the bound, or the largest within the budget.
  ///
  /// - Returns: Nil if no size does.
  /// - Throws: ``FitError``.
  public func run() throws(FitError) -> FitResult? {
    try SharingFit.withOneThreadPerProduct { () throws(FitError) in
      var options = options
      if options.type == .chosen { options.type = .f32 }
      let family = try FitFamily(of: adapters, options)
      if baseline == .waterFilledSVD { return try waterFilled(family, options) }
      let plans = BaselinePlans(family, options, baseline)
      switch options.goal {
      case .maxError(let bound):
        return try turn(plans, family, options) { $0.report.maxError <= bound }.after
      case .budget(let budget):
        return try turn(plans, family, options) { $0.report.bytes.total > budget }.before
      }
    }
  }

  /// The sizes between which a condition becomes true; nil where it never or always is.
  ///
  /// Sizes double until it is, since small ones cost least.
  private func turn(
    _ plans: BaselinePlans, _ family: FitFamily, _ options: FitOptions,
    _ isPast: (FitResult) -> Bool
  ) throws(FitError) -> (before: FitResult?, after: FitResult?) {
    let sizeMax = plans.sizeMax
    var (below, above, size) = (0, sizeMax + 1, 1)
    var (before, after): (FitResult?, FitResult?) = (nil, nil)
    while above - below > 1 {
      let result = try result(size, plans, family, options)
      if isPast(result) {
        (above, after) = (size, result)
      } else {
        (below, before) = (size, result)
      }
      size = after == nil ? min(2 * below, sizeMax) : (below + above) / 2
    }
    return (before, after)
  }

  private func waterFilled(
    _ family: FitFamily, _ options: FitOptions
  ) throws(FitError) -> FitResult {
    let values = try TruncationFit(family, options).waterFilled(options.type)
    return try FitAssembly(family, options, values).result()
  }

  private func result(
    _ size: Int, _ plans: BaselinePlans, _ family: FitFamily, _ options: FitOptions
  ) throws(FitError) -> FitResult {
    var free = options
    free.goal = .budget(.max)
    free.maxErrorPerModule = nil
    return try FitAssembly(family, free, try plans.fitted(size: size)).result()
  }
}
