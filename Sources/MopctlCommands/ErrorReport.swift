import MopzBytes

/// The status and the finding that an error becomes.
enum ErrorReport {
  /// An outcome with one finding of severity error.
  static func outcome(of error: any Error) -> Outcome {
    let status = status(of: error)
    let finding = Finding(
      severity: .error, rule: rule(of: error), where: place(of: error), message: "\(error)")
    return Outcome(status: status, findings: [finding])
  }

  static func status(of error: any Error) -> ExitStatus { .unusable }
  static func rule(of error: any Error) -> String { "INPUT" }
  static func place(of error: any Error) -> String { "" }
}
