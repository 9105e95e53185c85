public import MopzBytes
public import MopzSafetensors
import SystemPackage

/// A reason for which something could not be looked at.
///
/// What was looked at and found wrong is a `Finding`.
public enum VerificationError: Error, Sendable {
  /// The merged checkpoint cannot be opened.
  case checkpoint(CheckpointError)
  /// A file beside the weights cannot be read.
  case system(SystemError)
  /// The adapter's tables do not make sense.
  case content(adapter: String, parameter: String, reason: String)
  /// The user has asked to stop.
  case interrupted(Interrupted)
}

extension VerificationError: CustomStringConvertible {
  /// The file, or the adapter with the parameter, that it is about.
  public var place: String {
    switch self {
    case .checkpoint(let error): error.path.string.quoted
    case .system(let error): error.path.string.quoted
    case .content(let adapter, let parameter, _):
      "adapter \(adapter.quoted): parameter \(parameter.quoted)"
    case .interrupted: "command line"
    }
  }

  /// A lower-case clause.
  public var description: String {
    switch self {
    case .checkpoint(let error): error.description
    case .system(let error): error.description
    case .content(let adapter, let parameter, let reason):
      "adapter \(adapter.quoted): \(parameter.quoted): \(reason)"
    case .interrupted(let error): error.description
    }
  }
}
