import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing

/// A container's plan, with pools where they make it smaller.
struct SharedPlan: Sendable {
  let plan: ContainerPlan
  /// What exact sharing did; nil if it was not asked for.
  let sharing: ConversionReport.Sharing?
  /// What a fit did; nil if none was asked for.
  let fit: ConversionReport.Fit?

  /// Plans a container.
  ///
  /// With pools it is planned both ways, and the smaller one is taken; without any saving
  /// it is the container that would be written without sharing.
  ///
  /// - Parameters:
  ///   - mode: How adapters share; nil for equal blocks alone.
  ///   - output: What errors call the container.
  init(
    of adapters: [Adapter], _ mode: Conversion.Sharing?, compression: Compression?,
    threads: WorkerThreads, for output: String
  ) throws(ConversionError) {
    func plan(_ adapters: [Adapter]) throws(ConversionError) -> ContainerPlan {
      do throws(ContainerError) {
        return try ContainerPlan(of: adapters, compression: compression, threads: threads)
      } catch {
        throw ConversionError(error, in: output)
      }
    }
    switch mode {
    case nil:
      self.plan = try plan(adapters)
      sharing = nil
      fit = nil
      return
    case .fit(let options):
      let fitted = try FittedPlan(of: adapters, options, threads: threads, plan: plan)
      self.plan = fitted.plan
      sharing = nil
      fit = fitted.report
      return
    case .exact: fit = nil
    }
    let shared = try ConversionError.sharing { () throws(SharingError) in
      try ExactSharing(of: adapters, threads: threads)
    }
    let plain = try plan(shared.dense)
    var result = ConversionReport.Sharing(plainByteCount: plain.committedByteCount)
    guard !shared.report.pools.isEmpty else {
      self.plan = plain
      sharing = result
      return
    }
    let pooled = try plan(shared.adapters)
    let isSmaller = pooled.committedByteCount < plain.committedByteCount
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
