public import MopzAdapters
import MopzBytes
import MopzLinearAlgebra

/// Fits public pools, routers and private pairs to the updates of some adapters.
///
/// ```swift
/// let result = try SharingFit(of: adapters, FitOptions(.maxError(0.05))).run()
/// ```
///
/// The updates of one module over all tasks (and, where it pays, of one projection over all
/// layers) become `ΔW ≈ Uᵀ·S·V + Pᵀ·Q`: pools U and V that tasks share, a core S for each task,
/// and private pairs. Each task's updates are taken relative to their norm, so that a giant is
/// worth no more than the others. Ranks, sizes, clusters and types are those that need the
/// fewest bytes at the goal. Errors are worked out from the values as stored, and a bound that
/// was set holds for every task: a task for which nothing smaller does keeps its own tensors.
/// The same adapters and options give the same values whatever the number of threads.
///
/// - Specification: §8 of `spec/mopz.md`.
public struct SharingFit: Sendable {
  private let adapters: [Adapter]
  private let options: FitOptions
  /// The pools that there are; nil if pools are to be looked for.
  private let pools: [StoredPool]?

  /// Prepares a fit.
  ///
  /// - Parameter pools: The pools that tasks may take from, as they are; nil to look for pools.
  /// - Throws: ``FitError/goal(_:)`` if a bound or a budget is no usable number.
  public init(
    of adapters: [Adapter], _ options: FitOptions, through pools: [StoredPool]? = nil
  ) throws(FitError) {
    switch options.goal {
    case .maxError(let bound):
      guard bound >= 0, bound < 1 else {
        throw .goal("the bound \(bound) must be at least 0 and less than 1")
      }
    case .budget(let budget):
      guard budget >= 0 else { throw .goal("the budget must not be negative") }
    }
    if let bound = options.maxErrorPerModule, !(bound >= 0 && bound < 1) {
      throw .goal("the bound \(bound) for modules must be at least 0 and less than 1")
    }
    self.adapters = adapters
    self.options = options
    self.pools = pools
  }

  /// Fits.
  ///
  /// While it runs, OpenBLAS uses one thread for each product.
  ///
  /// - Throws: ``FitError``.
  /// - Complexity: Linear in the number of tasks and modules, for ranks and pool sizes that do
  ///   not grow; memory for the factors of one group in Float64 a thread, and for the result.
  public func run() throws(FitError) -> FitResult {
    try Self.withOneThreadPerProduct { () throws(FitError) in
      let family = try FitFamily(of: adapters, options)
      let allocation = ErrorAllocation(family, options)
      let loop = FitLoop(family: family, options: options, allocation: allocation)
      let values = ValueLoop(family: family, options: options, allocation: allocation)
      let alone = loop.alone()
      let best = try best(family, loop)
      var fitted = try values.fitted(best.groups)
      var result = try FitAssembly(family, options, fitted).result()
      if best.groups.contains(where: { $0.pool != nil }),
        isWorthComparing(result, to: alone)
      {
        fitted = try values.fitted(alone.groups)
        let other = try FitAssembly(family, options, fitted).result()
        result = Self.better(result, other, options.goal)
      }
      result.report.truncatedBytes = Int(alone.bytes)
      return result
    }
  }

  /// The best plan over the pools that there are, or that can be found.
  private func best(_ family: FitFamily, _ loop: FitLoop) throws(FitError) -> FitLoop.Result {
    guard let pools else { return try loop.best(from: FoundPools(family, options)) }
    return try loop.best(from: try FixedPools(family, options, pools))
  }

  /// Whether pools saved so little that rounding may have eaten it.
  private func isWorthComparing(_ result: FitResult, to alone: FitLoop.Result) -> Bool {
    guard options.means.contains(.shardPrivatization) else { return false }
    switch options.goal {
    case .maxError:
      return Double(result.report.bytes.total) > 0.9 * alone.bytes
    case .budget:
      let count = Double(max(result.report.tasks.count, 1))
      return result.report.meanSquaredError > 0.9 * alone.error / count
    }
  }

  private static func better(_ a: FitResult, _ b: FitResult, _ goal: FitGoal) -> FitResult {
    switch goal {
    case .maxError: b.report.bytes.total < a.report.bytes.total ? b : a
    case .budget: b.report.meanSquaredError < a.report.meanSquaredError ? b : a
    }
  }

  /// Runs work whose own threads call OpenBLAS.
  static func withOneThreadPerProduct<Result>(
    _ body: () throws(FitError) -> Result
  ) throws(FitError) -> Result {
    let count = MatrixProduct.threadCount
    MatrixProduct.setThreadCount(1)
    defer { MatrixProduct.setThreadCount(count) }
    return try body()
  }
}

/// Fitted adapters, and what the fit did.
public struct FitResult: Sendable {
  /// The adapters in the order of the sources; what could not be fitted is as it was.
  public var adapters: [Adapter]
  /// What the fit did.
  public var report: FitReport
}
