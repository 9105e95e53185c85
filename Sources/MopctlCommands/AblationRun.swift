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
      var row = Row(method: method)
      if case .maxError = goal {
        row.byteCountAtBound = try byteCount(of: method, at: goal)
        if method == .ours { budget = row.byteCountAtBound ?? 0 }
      }
      row.filling = try filling(of: method)
      rows.append(row)
    }
  }

  private func options(_ goal: FitGoal) -> FitOptions {
    FitOptions(goal, type: type, threads: threads)
  }

  private mutating func byteCount(of method: SharingMethod, at goal: FitGoal) throws -> Int? {
    guard let report = try method.result(of: adapters, options(goal))?.report else { return nil }
    try note(report)
    return report.bytes.total
  }

  private mutating func filling(of method: SharingMethod) throws -> Filling? {
    guard let result = try method.result(of: adapters, options(.budget(budget))) else {
      return nil
    }
    let report = result.report
    try note(report)
    // A fit without private pairs has a least size.
    guard report.bytes.total <= budget else { return nil }
    return Filling(
      byteCount: report.bytes.total, meanSquaredError: report.meanSquaredError,
      errors: report.tasks.map(\.error), loss: try meanLoss(of: result.adapters))
  }

  private mutating func note(_ report: FitReport) throws {
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
