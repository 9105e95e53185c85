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
  private let family: FitFamily
  private let options: FitOptions
  /// The pools that there are; nil if pools are to be looked for.
  private let stored: [StoredPool]?

  /// Prepares a fit: sorts out what can be fitted, and decomposes it.
  ///
  /// - Parameter pools: The pools that tasks may take from, as they are; nil to look for pools.
  /// - Throws: ``FitError``; `goal` if a bound or a budget is no usable number.
  /// - Complexity: O(tasks · modules · (out + in) · rank²).
  public init(
    of adapters: [Adapter], _ options: FitOptions, through pools: [StoredPool]? = nil
  ) throws(FitError) {
    try Self.check(options)
    self.options = options
    stored = pools
    family = try Self.withOneThreadPerProduct { () throws(FitError) in
      try FitFamily(of: adapters, options)
    }
  }

  private init(_ family: FitFamily, _ options: FitOptions, _ stored: [StoredPool]?) {
    self.family = family
    self.options = options
    self.stored = stored
  }

  /// The same adapters with another goal.
  ///
  /// - Throws: ``FitError/goal(_:)`` if it is no usable number.
  public func aiming(at goal: FitGoal) throws(FitError) -> SharingFit {
    var options = options
    options.goal = goal
    try Self.check(options)
    return SharingFit(family, options, stored)
  }

  private static func check(_ options: FitOptions) throws(FitError) {
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
  }

  /// The best of ``fitted()`` and ``unfitted()``, by the bytes that they are estimated to take.
  ///
  /// While it runs, OpenBLAS uses one thread for each product.
  ///
  /// - Throws: ``FitError``.
  /// - Complexity: Linear in the number of tasks and modules, for ranks and pool sizes that do
  ///   not grow; memory for what is prepared, for the vectors of one group in Float64 a thread,
  ///   and for the results.
  public func run() throws(FitError) -> FitResult {
    var best = try unfitted()
    let fitted = try fitted()
    for candidate in fitted where isBetter(candidate.report, best.report) { best = candidate }
    best.report.truncatedBytes = fitted.first?.report.truncatedBytes
    return best
  }

  private func isBetter(_ a: FitReport, _ b: FitReport) -> Bool {
    guard case .budget(let budget) = options.goal else { return a.bytes.total < b.bytes.total }
    let fits = (a.bytes.total <= budget, b.bytes.total <= budget)
    if fits.0 != fits.1 { return fits.0 }
    return fits.0 ? a.meanSquaredError < b.meanSquaredError : a.bytes.total < b.bytes.total
  }

  /// All fits that may be the best: each update cut by itself in several ways, and pools.
  ///
  /// Every one holds the bounds that were set. Which of them is smallest, and whether it is
  /// smaller than ``unfitted()``, is for the finished file to say: what records and gaps take is
  /// estimated here.
  ///
  /// - Throws: ``FitError``.
  /// - Complexity: As ``run()``.
  public func fitted() throws(FitError) -> [FitResult] {
    try Self.withOneThreadPerProduct { () throws(FitError) in
      let cut = try TruncationFit(family, options).families()
      var results: [FitResult] = []
      for values in cut { results.append(try result(values)) }
      let least = results.map(\.report.bytes.total).min()
      if let values = try pools(beside: cut) { results.append(try result(values)) }
      for index in results.indices { results[index].report.truncatedBytes = least }
      return results
    }
  }

  /// The sources as they are.
  ///
  /// - Throws: ``FitError``.
  public func unfitted() throws(FitError) -> FitResult {
    try FitAssembly(family, options, nil).result()
  }

  /// Each update cut by itself, in the ways that may be the best; none if nothing may be private.
  ///
  /// - Throws: ``FitError``.
  public func truncated() throws(FitError) -> [FitResult] {
    try Self.withOneThreadPerProduct { () throws(FitError) in
      var results: [FitResult] = []
      for values in try TruncationFit(family, options).families() {
        results.append(try result(values))
      }
      return results
    }
  }

  /// Pools, and what tasks need beside them; nil if no pool pays.
  ///
  /// - Throws: ``FitError``.
  public func pooled() throws(FitError) -> FitResult? {
    try Self.withOneThreadPerProduct { () throws(FitError) -> FitResult? in
      guard let values = try pools(beside: []) else { return nil }
      return try result(values)
    }
  }

  /// The values of the best plan with pools, but those of truncations for tasks that they make
  /// smaller; nil if the best plan has no pools.
  private func pools(beside cut: [FittedFamily]) throws(FitError) -> FittedFamily? {
    let allocation = ErrorAllocation(family, options)
    let plan = try best(FitLoop(family: family, options: options, allocation: allocation))
    guard plan.groups.contains(where: { $0.pool != nil }) else { return nil }
    let loop = ValueLoop(family: family, options: options, allocation: allocation)
    var values = try loop.fitted(plan.groups)
    if case .maxError = options.goal {
      for other in cut { _ = values.takeSmaller(other, family, options) }
    }
    return values
  }

  /// The best plan over the pools that there are, or that can be found.
  private func best(_ loop: FitLoop) throws(FitError) -> FitLoop.Result {
    guard let stored else { return try loop.best(from: FoundPools(family, options)) }
    return try loop.best(from: try FixedPools(family, options, stored))
  }

  private func result(_ values: FittedFamily) throws(FitError) -> FitResult {
    try FitAssembly(family, options, values).result()
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
