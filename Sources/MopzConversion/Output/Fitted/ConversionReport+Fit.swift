public import MopzBytes
public import MopzSharing

extension ConversionReport {
  /// What a fit did.
  ///
  /// Errors are relative, ‖fitted ΔW − source ΔW‖ / ‖source ΔW‖ (Frobenius).
  public struct Fit: Hashable, Sendable {
    /// The bytes of the container without the fit, equal tensors stored once.
    public var plainByteCount: Int
    /// The bound on the error of each task; nil if none was set.
    public var bound: Double?
    /// The bound on the error of each module; nil if none was set.
    public var moduleBound: Double?
    /// The bytes that the file might have; nil if a bound was set instead.
    public var budget: Int?
    /// What the fit says of itself, in the order of the tasks that it was given.
    public var tasks: [FitReport.Task] = []
    /// The groups of modules with pools in common.
    public var groups: [FitReport.Group] = []
    /// What the fit stores, by use; nil if nothing was fitted.
    public var bytes: FitBytes?
    /// The bytes of the tensors that the fit stands for.
    public var sourceByteCount = 0
    /// What the file, or the commit, would have in bytes with each adapter's own truncation to
    /// the same bound and type; nil under a budget.
    public var truncatedByteCount: Int?
    /// The errors as measured in the finished file; empty if none was written.
    public var measured: [FittedTask] = []
    /// What was not fitted, and why.
    public var findings: [Finding] = []

    init(options: Conversion.Fit, plainByteCount: Int) {
      self.plainByteCount = plainByteCount
      budget = options.budget
      moduleBound = options.maxErrorPerModule
      if budget == nil {
        bound =
          options.maxError
          ?? (moduleBound == nil ? Conversion.Fit.defaultMaxError : nil)
      }
    }

    mutating func take(_ report: FitReport) {
      tasks = report.tasks
      groups = report.groups
      bytes = report.bytes
      sourceByteCount = report.sourceBytes
      truncatedByteCount = report.truncatedBytes
      findings = report.findings
    }
  }
}
