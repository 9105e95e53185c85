public import MopzBinding
public import MopzBytes
public import MopzSafetensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Level 2: base, adapted model and merge run side by side on the same tokens.
///
/// ```swift
/// let report = try ForwardVerification(of: binding, merged: nil, tokens: tokens).run()
/// print(report.isPassing, report.residualOverEffect)
/// ```
///
/// The merge is a finished checkpoint, or, without one, the ideal `round(W + ΔW)`, formed in
/// memory block by block. Models without a description get the per-module check, which says
/// that it is none.
public struct ForwardVerification: Sendable {
  /// The base with its adapters.
  public var binding: Binding
  /// The finished merge; nil for one in memory.
  public var merged: Checkpoint?
  /// The tokens; nil for seeded ones.
  public var tokens: TokenSequences?
  /// The threads.
  public var threads: WorkerThreads
  /// What is wrong with the merge in memory, on purpose; nil for nothing.
  var control: NegativeControl?

  /// Prepares a verification.
  public init(
    of binding: Binding, merged: Checkpoint?, tokens: TokenSequences? = nil,
    threads: WorkerThreads = .all
  ) {
    self.binding = binding
    self.merged = merged
    self.tokens = tokens
    self.threads = threads
  }

  /// Runs it.
  ///
  /// - Parameter progress: Called with the number of steps that are done and of all.
  /// - Throws: ``ForwardError`` if the model lacks tensors, the tokens are not its own, or
  ///   the user interrupts.
  public func run(
    progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
  ) throws(ForwardError) -> ForwardReport {
    let adapted = ModelVariant(unmerged: binding)
    let base = ModelVariant(binding.base, completing: binding)
    let other =
      control.map { $0.variant(of: binding, base: base, typesOf: merged) }
      ?? merged.map { ModelVariant($0) }
    let description: ModelDescription
    do throws(ForwardError) {
      guard let config = binding.base.config else { throw ForwardError.unknownArchitecture(nil) }
      description = try ModelDescription(config: config, hasTensor: adapted.hasTensor)
    } catch {
      guard error.meansNoDescription else { throw error }
      return try ModuleCheck(
        binding: binding, merged: other, types: merged, threads: threads,
        reason: error.description
      ).report(progress: progress)
    }
    let tokens = self.tokens ?? .seeded(for: description)
    do { try tokens.validate(for: description) } catch { throw .tokens(error) }
    var comparison = ForwardComparison(
      description, mergedModel: try control == nil ? mergedDescription(description) : description,
      base: base, adapted: adapted,
      merged: other, ideal: ModelVariant(idealMergeOf: binding, typesOf: merged), tokens: tokens,
      threads: threads)
    try comparison.run(progress: progress)
    return report(comparison, tokens)
  }

  /// The description of the merge: its head may be untied.
  private func mergedDescription(
    _ description: ModelDescription
  ) throws(ForwardError) -> ModelDescription {
    guard let merged else { return description }
    func hasTensor(_ name: String) -> Bool { merged.location(of: name) != nil }
    var result = description
    if let config = merged.config {
      result = try ModelDescription(config: config, hasTensor: hasTensor)
    }
    // A head of its own is used even if no configuration says that the tie is undone.
    if case .untied = binding.tie, case .vocabulary(var layer, let softcap) = result.head,
      merged.config == nil
    {
      layer.tiedTo = nil
      result.head = .vocabulary(layer, softcap: softcap)
    }
    return result
  }

  private func report(_ comparison: ForwardComparison, _ tokens: TokenSequences) -> ForwardReport {
    let metrics = comparison.metrics
    var report = ForwardReport(
      method: .forwardPass, tokenSource: tokens.source, sequenceCount: tokens.sequences.count,
      tokenCount: tokens.count,
      verdict: ForwardVerdict(
        .init(
          effect: metrics.effect, residual: metrics.residual,
          idealResidual: metrics.idealResidual, noiseFloor: comparison.noiseFloor,
          deviation: metrics.deviation, gain: metrics.gain, isFinite: metrics.isFinite)))
    func likelihood(_ sum: Double) -> ForwardReport.Likelihood {
      guard metrics.lossCount > 0 else { return .init() }
      let loss = sum / Double(metrics.lossCount)
      return .init(loss: loss, perplexity: exp(loss))
    }
    report.base = likelihood(metrics.baseLoss)
    report.adapted = likelihood(metrics.adaptedLoss)
    report.merged = likelihood(metrics.mergedLoss)
    report.effect = metrics.effect
    report.residual = metrics.residual
    report.idealResidual = metrics.idealResidual
    report.noiseFloor = comparison.noiseFloor
    report.deviation = metrics.deviation
    report.gain = metrics.gain
    report.divergences = metrics.divergences.sorted()
    report.maxLogitDifference = metrics.largestDifference
    if !metrics.divergences.isEmpty {
      report.topOneAgreement = Double(metrics.topOneCount) / Double(metrics.rowCount)
      // Of five outcomes or fewer the five most likely are always the same.
      report.topFiveAgreement =
        metrics.count > 5 * metrics.rowCount
        ? metrics.topFiveShare / Double(metrics.rowCount) : nil
    }
    report.layers = comparison.layers.enumerated().map { $1.errors(layer: $0) }
    if report.isPassing, let first = report.firstDivergence {
      report.notes.append(
        Finding(
          severity: .warning, rule: "FORWARD", where: "block \(first.layer)",
          message: "after it the states are \(brief(first.deviation)) from an ideal merge's, more "
            + "than rounding explains, although the outputs are not (see the weights' own check)"))
    }
    if merged == nil && control == nil {
      report.notes.append(
        Finding(
          severity: .note, rule: "FORWARD", where: "forward",
          message: "no finished merge was given: the merge is round(W + ΔW), formed in memory"))
    }
    return report
  }
}

extension ForwardError {
  /// Whether the model is one that has no description, rather than a damaged one.
  var meansNoDescription: Bool {
    switch self {
    case .unknownArchitecture, .unsupported: true
    default: false
    }
  }
}
