import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing

/// The plan of a container, or of a commit to one, with pools where they make it smaller.
struct SharedPlan: Sendable {
  let plan: ContainerPlan
  /// What exact sharing did; nil if it was not asked for.
  let sharing: ConversionReport.Sharing?
  /// What a fit did; nil if none was asked for.
  let fit: ConversionReport.Fit?

  /// Plans adapters.
  ///
  /// With pools it is planned both ways, and the smaller one is taken; without any saving
  /// it is the plan that would be made without sharing.
  ///
  /// - Parameters:
  ///   - mode: How adapters share; nil for equal blocks alone.
  ///   - pools: The fitted pools of the container that is added to; nil for a new container.
  ///   - shards: The blocks of its exact pools.
  ///   - plan: Makes the plan of adapters, which are what is asked for in another form.
  init(
    of adapters: [Adapter], _ mode: Conversion.Sharing?, through pools: ContainerPools? = nil,
    beside shards: [StoredShards] = [], threads: WorkerThreads,
    plan: ([Adapter]) throws(ConversionError) -> ContainerPlan
  ) throws(ConversionError) {
    switch mode {
    case nil:
      self.plan = try plan(adapters)
      sharing = nil
      fit = nil
      return
    case .fit(let options):
      let fitted = try FittedPlan(
        of: adapters, options, through: pools, threads: threads, plan: plan)
      self.plan = fitted.plan
      sharing = nil
      fit = fitted.report
      return
    case .exact: fit = nil
    }
    let shared = try ConversionError.sharing { () throws(SharingError) in
      try ExactSharing(of: adapters, beside: shards, threads: threads)
    }
    let plain = try plan(shared.dense)
    var result = ConversionReport.Sharing(plainByteCount: plain.appendedByteCount)
    guard !shared.report.pools.isEmpty else {
      self.plan = plain
      sharing = result
      return
    }
    let pooled = try plan(shared.adapters)
    let isSmaller = pooled.appendedByteCount < plain.appendedByteCount
    if isSmaller { result.pools = shared.report }
    self.plan = isSmaller ? pooled : plain
    sharing = result
  }
}

extension ConversionError {
  /// Calls what shares adapters.
  static func sharing<Result>(
    _ body: () throws(SharingError) -> Result
  ) throws(ConversionError) -> Result {
    do throws(SharingError) { return try body() } catch {
      switch error {
      case .interrupted(let error): throw .interrupted(error)
      case .factor(let flaw, let adapter):
        throw .refused(Refusal(.values, adapter, "a pool is unsound: \(flaw)"))
      }
    }
  }
}
