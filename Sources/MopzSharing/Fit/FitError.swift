public import MopzBytes

/// A reason for which adapters cannot be fitted.
public enum FitError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A bound or a budget is no usable number.
  case goal(String)
  /// A task's factors contradict each other.
  case content(task: String, module: String, reason: String)
  /// A decomposition did not converge.
  case numerics(String)
  /// The user asked to stop.
  case interrupted(Interrupted)

  /// A lower-case clause.
  public var description: String {
    switch self {
    case .goal(let reason): reason
    case .content(let task, let module, let reason): "\(task): \(module): \(reason)"
    case .numerics(let reason): reason
    case .interrupted(let interrupted): interrupted.description
    }
  }
}

extension FitError {
  /// Calls what works out products.
  static func computing<Result>(
    _ body: () throws(ProductError) -> Result
  ) throws(FitError) -> Result {
    do throws(ProductError) { return try body() } catch { throw .numerics(error.description) }
  }
}
