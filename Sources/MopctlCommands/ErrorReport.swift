import ArgumentParser
import MopzBinding
import MopzBytes
import MopzContainer
import MopzConversion
import MopzForward
import MopzMerging
import MopzSafetensors
import MopzSharing
import MopzVerification
import SystemPackage

/// The status and the finding that an error becomes.
enum ErrorReport {
  /// An outcome with one finding of severity error.
  static func outcome(of error: any Error) -> Outcome {
    if let refused = error as? RefusedAdapters {
      var outcome = outcome(of: refused.cause)
      outcome.findings = refused.findings + outcome.findings
      return outcome
    }
    let finding = finding(of: error)
    return Outcome(status: status(of: error), findings: [finding])
  }

  /// Interruption 130, an argument that makes no sense 64, a failure of the system that
  /// may pass 74, everything else 2.
  static func status(of error: any Error) -> CommandStatus {
    if let placed = error as? PlacedError { return status(of: placed.cause) }
    if Cancellation.isRequested || error is Interrupted { return .interrupted }
    switch error {
    case ConversionError.interrupted, MergeError.interrupted, ContainerError.interrupted,
      VerificationError.interrupted, ForwardError.interrupted, FitError.interrupted:
      return .interrupted
    case ConversionError.usage, FitError.goal, is ValidationError: return .usage
    default: break
    }
    return systemError(of: error)?.isTransient == true ? .ioFailure : .unusable
  }

  /// The refusal of the operating system behind an error, if there is one.
  private static func systemError(of error: any Error) -> SystemError? {
    switch error {
    case let error as SystemError: error
    case let error as ConversionError: error.systemError
    case let error as CheckpointError: error.systemError
    case let error as MergeError: error.systemError
    case VerificationError.system(let error): error
    case VerificationError.checkpoint(let error): error.systemError
    case let error as ContainerError: error.systemError
    case ForwardError.tokens(.system(let error)), TokenError.system(let error): error
    default: nil
    }
  }

  /// The finding that says what an error says, with its place and its rule said once.
  static func finding(of error: any Error) -> Finding {
    var finding = plainFinding(of: error)
    let place = finding.where + ": "
    if finding.message.hasPrefix(place) { finding.message.removeFirst(place.count) }
    let rule = " (\(finding.rule))"
    if finding.message.hasSuffix(rule) { finding.message.removeLast(rule.count) }
    return finding
  }

  private static func plainFinding(of error: any Error) -> Finding {
    switch error {
    case is Interrupted, ContainerError.interrupted, VerificationError.interrupted,
      ForwardError.interrupted, MergeError.interrupted:
      return ConversionError.interrupted(Interrupted()).finding
    case let error as ValidationError:
      return Finding(severity: .error, rule: "USAGE", where: "command line", message: "\(error)")
    case let error as PlacedError:
      var finding = finding(of: error.cause)
      // The cause may know the place as well.
      if finding.where != error.place {
        finding.where =
          finding.where.isEmpty || finding.where == "tokens"
          ? error.place : error.place + ": " + finding.where
      }
      return finding
    case let error as ConversionError: return error.finding
    case let error as ContainerError: return error.finding(in: nil)
    case VerificationError.system(let error): return plainFinding(of: error)
    case VerificationError.checkpoint(let error): return plainFinding(of: error)
    case let error as VerificationError:
      return Finding(severity: .error, rule: "MERGE", where: error.place, message: "\(error)")
    case let error as ForwardError:
      return Finding(severity: .error, rule: "FORWARD", where: error.place, message: "\(error)")
    case let error as CheckpointError:
      return Finding(
        severity: .error, rule: "CHECKPOINT", where: error.path.string.quoted, message: "\(error)")
    case let error as BindingError:
      return Finding(severity: .error, rule: "MERGE", where: error.place, message: error.message)
    case MergeError.binding(let error): return plainFinding(of: error)
    case MergeError.system(let error): return plainFinding(of: error)
    case let error as MergeError:
      return Finding(severity: .error, rule: "MERGE", where: error.place, message: "\(error)")
    case let error as SystemError:
      return Finding(
        severity: .error, rule: "SYSTEM", where: error.path.string.quoted, message: "\(error)")
    default:
      return Finding(severity: .error, rule: "INPUT", where: "", message: "\(error)")
    }
  }
}
