import MopzAdapters
import MopzBytes
import MopzConversion
import MopzSharing

/// Our fit, our fit without each of its means, and the published ways: at equal bytes, and under
/// a bound also at equal error.
struct AblationRun {
  /// What one way came to.
  struct Row {
    var method: SharingMethod
    /// The bytes that it takes to keep the bound; nil without a bound, or if no size keeps it.
    var byteCountAtBound: Int?
    /// What it makes of the bytes that all ways get; nil if no size fits into them.
    var filling: Filling?
  }

  /// What a way makes of the bytes that all get.
  struct Filling {
    /// The bytes of everything that was fitted, tables included.
    var byteCount: Int
    /// The mean over the tasks of the squared relative error.
    var meanSquaredError: Double
    /// The relative error of each task.
    var errors: [Double]
    /// The mean loss over the tasks, in nats; nil without a base.
    var loss: Double?
  }

  let adapters: [Adapter]
  let type: FitType
  private let losses: TaskLosses?
  private let methods: [SharingMethod]
  private let threads: WorkerThreads
  private(set) var rows: [Row] = []
  /// The bytes that all ways get.
  private(set) var budget = 0
  /// The bytes of the tensors that the fits stand for.
  private(set) var sourceByteCount = 0
  /// The mean loss with the sources themselves.
  private(set) var sourceLoss: Double?
  /// What is left out of the comparison, as no way can fit it.
  private(set) var findings: [Finding] = []

  /// - Parameter skipsMeans: Whether our fit without its means is left out.
  init(
    adapters: [Adapter], type: FitType, losses: TaskLosses?, skipsMeans: Bool,
    threads: WorkerThreads
  ) {
    self.adapters = adapters
    self.type = type
    self.losses = losses
    methods = [.ours] + (skipsMeans ? [] : SharingMethod.ablations) + SharingMethod.baselines
    self.threads = threads
  }

  /// Runs all ways.
  ///
  /// With a bound, our fit at the bound says the bytes that all get, itself included.
  ///
  /// - Throws: ``ConversionError`` if no adapter has an update that a fit can stand for.
  mutating func run(
    goal: FitGoal, progress: (_ method: SharingMethod, _ done: Int, _ total: Int) -> Void
  ) throws {
    sourceLoss = try meanLoss(of: adapters)
    if case .budget(let bytes) = goal { budget = bytes }
    for (number, method) in methods.enumerated() {
      try Cancellation.check()
      progress(method, number, methods.count)
      rows.append(try row(of: method, goal))
    }
  }

  private mutating func row(of method: SharingMethod, _ goal: FitGoal) throws -> Row {
    var row = Row(method: method)
    var results: [FitResult] = []
    if case .maxError = goal, let atBound = try result(of: method, goal) {
      row.byteCountAtBound = atBound.report.bytes.total
      if method == .ours { budget = atBound.report.bytes.total }
      results.append(atBound)
    }
    if let filling = try result(of: method, .budget(budget)) { results.append(filling) }
    row.filling = try filling(from: results)
    return row
  }

  private mutating func result(of method: SharingMethod, _ goal: FitGoal) throws -> FitResult? {
    let result = try method.result(of: adapters, options(goal))
    if let result { try note(result.report) }
    return result
  }

  private func options(_ goal: FitGoal) -> FitOptions {
    FitOptions(goal, type: type, threads: threads)
  }

  /// The nearest of what a way has made within the bytes that all get; nil if nothing is.
  private func filling(from results: [FitResult]) throws -> Filling? {
    // A fit without private pairs has a least size.
    let best = results.filter { $0.report.bytes.total <= budget }
      .min { $0.report.meanSquaredError < $1.report.meanSquaredError }
    guard let result = best else { return nil }
    let report = result.report
    return Filling(
      byteCount: report.bytes.total, meanSquaredError: report.meanSquaredError,
      errors: report.tasks.map(\.error), loss: try meanLoss(of: result.adapters))
  }

  private mutating func note(_ report: FitReport) throws {
    if sourceByteCount == 0 { findings = report.findings.filter { $0.severity > .note } }
    sourceByteCount = report.sourceBytes
    guard sourceByteCount > 0 else {
      throw ConversionError.refused(
        Refusal(
          .fit, adapters.map(\.name.quoted).joined(separator: ", "),
          "no update is a sum of terms over linear layers, so there is nothing to fit"))
    }
  }

  /// The mean over the tasks, each on its own tokens.
  private func meanLoss(of adapters: [Adapter]) throws -> Double? {
    guard let losses else { return nil }
    var sum = 0.0
    for adapter in adapters {
      guard let loss = try losses.loss(of: adapter, named: adapter.name) else { return nil }
      sum += loss
    }
    return adapters.isEmpty ? nil : sum / Double(adapters.count)
  }
}
