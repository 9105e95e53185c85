import MopzAdapters
import MopzBytes
import MopzConversion
import MopzSharing

/// Our fit, our fit without each of its means, and the published ways, at equal bytes.
struct AblationRun {
  /// What one way came to.
  struct Row {
    var method: SharingMethod
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
  private let threads: WorkerThreads
  private(set) var rows: [Row] = []
  /// The ways of which no size meets the bytes.
  private(set) var absent: [SharingMethod] = []
  /// The bytes that all ways get.
  private(set) var budget = 0
  /// The bytes of the tensors that the fits stand for.
  private(set) var sourceByteCount = 0
  /// The mean loss with the sources themselves.
  private(set) var sourceLoss: Double?

  init(adapters: [Adapter], type: FitType, losses: TaskLosses?, threads: WorkerThreads) {
    self.adapters = adapters
    self.type = type
    self.losses = losses
    self.threads = threads
  }

  /// Runs all ways.
  ///
  /// With a bound, our fit at the bound says the bytes that all others get.
  ///
  /// - Throws: ``ConversionError`` if no adapter has an update that a fit can stand for.
  mutating func run(
    goal: FitGoal, progress: (_ method: SharingMethod, _ done: Int, _ total: Int) -> Void
  ) throws {
    sourceLoss = try meanLoss(of: adapters)
    let others = SharingMethod.ablations + SharingMethod.baselines
    progress(.ours, 0, others.count + 1)
    if case .budget(let bytes) = goal { budget = bytes }
    if let ours = try SharingMethod.ours.result(of: adapters, options(goal)) {
      if case .maxError = goal { budget = ours.report.bytes.total }
      sourceByteCount = ours.report.sourceBytes
      guard sourceByteCount > 0 else {
        throw ConversionError.refused(
          Refusal(
            .fit, adapters.map(\.name.quoted).joined(separator: ", "),
            "no update is a sum of terms over linear layers, so there is nothing to fit"))
      }
      try add(.ours, ours)
    } else {
      absent.append(.ours)
    }
    for (number, method) in others.enumerated() {
      try Cancellation.check()
      progress(method, number + 1, others.count + 1)
      if let result = try method.result(of: adapters, options(.budget(budget))) {
        try add(method, result)
      } else {
        absent.append(method)
      }
    }
  }

  private func options(_ goal: FitGoal) -> FitOptions {
    FitOptions(goal, type: type, threads: threads)
  }

  private mutating func add(_ method: SharingMethod, _ result: FitResult) throws {
    let report = result.report
    rows.append(
      Row(
        method: method, byteCount: report.bytes.total, meanSquaredError: report.meanSquaredError,
        errors: report.tasks.map(\.error), loss: try meanLoss(of: result.adapters)))
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
