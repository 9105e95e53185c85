public import MopzSharing

extension Conversion {
  /// What a fit is asked for.
  ///
  /// Errors are relative, ‖fitted ΔW − source ΔW‖ / ‖source ΔW‖ (Frobenius).
  public struct Fit: Sendable {
    /// The bound on the error of each task if nothing else is said.
    public static let defaultMaxError = 0.05

    /// The bound on the error of each task.
    public var maxError: Double?
    /// The bound on the error of each module of each task.
    public var maxErrorPerModule: Double?
    /// The bytes that the file may have, instead of a bound.
    public var budget: Int?
    /// In which type values are stored.
    public var type: FitType
    /// Tasks of which nothing goes into a pool.
    public var keptApart: Set<String>
    /// The means by which tasks may differ although they share.
    public var means: FitMeans
    /// Called now and then, from any thread.
    public var progress: (@Sendable (FitProgress) -> Void)?

    public init(
      maxError: Double? = nil, maxErrorPerModule: Double? = nil, budget: Int? = nil,
      type: FitType = .chosen, keptApart: Set<String> = [], means: FitMeans = .all,
      progress: (@Sendable (FitProgress) -> Void)? = nil
    ) {
      self.maxError = maxError
      self.maxErrorPerModule = maxErrorPerModule
      self.budget = budget
      self.type = type
      self.keptApart = keptApart
      self.means = means
      self.progress = progress
    }
  }
}
