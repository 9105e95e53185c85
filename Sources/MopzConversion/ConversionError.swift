public import MopzArchives
public import MopzBytes
public import MopzContainer
public import MopzSafetensors
import SystemPackage

/// A reason for which a source could not be read, or an output not be written.
///
/// Composed by wrapping, so that the caller can tell a full disk from a damaged file.
public enum ConversionError: Error, Sendable, CustomStringConvertible {
  /// The input was understood, and cannot be used as it is.
  case refused(Refusal)
  /// The request itself makes no sense, such as a scale that is no number.
  case usage(String)
  /// The operating system refused.
  case system(SystemError)
  /// A weights file is damaged.
  case safetensors(SafetensorsError)
  /// An archive is damaged, or holds what none must.
  case archive(ArchiveError)
  /// A base checkpoint cannot be used.
  case checkpoint(CheckpointError)
  /// A container is damaged, or cannot be written.
  case container(ContainerError, file: String)
  /// The user asked to stop.
  case interrupted(Interrupted)

  /// Wraps a container's error, so that an interruption stays one.
  ///
  /// - Parameter file: The container's path.
  public init(_ error: ContainerError, in file: String) {
    switch error {
    case .interrupted: self = .interrupted(Interrupted())
    case .system(let cause): self = .system(cause)
    default: self = .container(error, file: file)
    }
  }

  /// Wraps an archive's error, so that an interruption stays one.
  init(_ error: ArchiveError) {
    self = error.reason == .interrupted ? .interrupted(Interrupted()) : .archive(error)
  }

  /// A lower-case clause that says what, where, expected and found.
  public var description: String {
    switch self {
    case .refused(let refusal): refusal.description
    case .usage(let message): message
    case .system(let error): error.description
    case .safetensors(let error): error.description
    case .archive(let error): error.description
    case .checkpoint(let error): error.description
    case .container(let error, let file): "\(file.quoted): \(error)"
    case .interrupted(let error): error.description
    }
  }

  /// The refusal of the operating system behind it, if there is one.
  public var systemError: SystemError? {
    switch self {
    case .system(let error): error
    case .safetensors(let error): error.systemError
    case .archive(let error): if case .system(let cause) = error.reason { cause } else { nil }
    case .checkpoint(let error): error.systemError
    case .container(let error, _): error.systemError
    default: nil
    }
  }

  /// The error as a finding.
  public var finding: Finding {
    switch self {
    case .refused(let refusal): refusal.finding
    case .usage:
      Finding(severity: .error, rule: "USAGE", where: "command line", message: description)
    case .system(let error):
      Finding(
        severity: .error, rule: "SYSTEM", where: error.path.string.quoted, message: description)
    case .safetensors(let error):
      Finding(
        severity: .error, rule: error.rule.rawValue, where: error.file.quoted,
        message: description)
    case .archive(let error):
      Finding(
        severity: .error, rule: "ARCHIVE", where: error.file.quoted, message: description)
    case .checkpoint(let error):
      Finding(
        severity: .error, rule: "CHECKPOINT", where: error.path.string.quoted,
        message: description)
    case .container(let error, let file): error.finding(in: file)
    case .interrupted:
      Finding(
        severity: .error, rule: "INTERRUPTED", where: "command line",
        message: "interrupted; nothing is left behind")
    }
  }

  /// Runs `body` and wraps what it throws.
  static func refusing<Result: ~Copyable>(
    _ body: () throws(Refusal) -> Result
  ) throws(ConversionError) -> Result {
    do throws(Refusal) { return try body() } catch { throw .refused(error) }
  }

  /// Runs `body` and wraps what it throws.
  static func container<Result: ~Copyable>(
    at path: FilePath, _ body: () throws(ContainerError) -> Result
  ) throws(ConversionError) -> Result {
    do throws(ContainerError) { return try body() } catch {
      throw ConversionError(error, in: path.string)
    }
  }

  /// Runs `body` and wraps what it throws.
  static func system<Result: ~Copyable>(
    _ body: () throws(SystemError) -> Result
  ) throws(ConversionError) -> Result {
    do throws(SystemError) { return try body() } catch { throw .system(error) }
  }
}

extension ContainerError {
  /// The error as a finding, which names the file, the task and the part of it.
  ///
  /// - Parameter file: The container's path, if it is known.
  public func finding(in file: String?) -> Finding {
    func finding(_ rule: String, _ place: String?, _ message: String) -> Finding {
      Finding(
        severity: .error, rule: rule,
        where: [file?.quoted, place].compactMap { $0 }.joined(separator: ": "), message: message)
    }
    return switch self {
    case .violation(let violation):
      finding(violation.rule.rawValue, violation.location.description, violation.message)
    case .factor(let error, let location): finding("CONTAINER", location.description, "\(error)")
    case .refused, .noSuchTask, .interrupted, .system: finding("CONTAINER", nil, description)
    }
  }
}
