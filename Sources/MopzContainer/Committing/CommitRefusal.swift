public import MopzBytes
public import SystemPackage

/// A reason for which a container that can be read is not written to.
///
/// - Specification: §12.2 of `spec/mopz.md`.
public enum CommitRefusal: Hashable, Sendable, CustomStringConvertible {
  /// Another writer has the file.
  case busy(FilePath)
  /// Another file took the path while a commit was being made.
  case replaced(FilePath)
  /// The file uses features that this version may overlook as a reader, but not as a writer.
  case unknownFeatures(UInt64)
  /// A slot is damaged: a later generation than the one that can be read may be lost.
  case damagedSlot(FormatViolation, generation: UInt64)
  /// There is no generation after this one.
  case lastGeneration
  /// A part of the container is damaged, so that it cannot be written afresh.
  case unsound([Finding])
  /// A new generation was written, and the system did not confirm that it is durable.
  case unconfirmed(generation: UInt64, SystemError)

  /// A lower-case clause that says what to do.
  public var description: String {
    switch self {
    case .busy(let path):
      "another process is writing to \(path.string.quoted); try again when it is done"
    case .replaced(let path):
      "\(path.string.quoted) was replaced by another file while it was worked on; nothing is "
        + "changed, try again"
    case .unknownFeatures(let bits):
      "a later version wrote this file with features that this one does not know "
        + "(bits 0x\(String(bits, radix: 16))); it can be read here, and not be changed"
    case .damagedSlot(let violation, let generation):
      "\(violation); generation \(generation) can be read, but a later one may be lost; "
        + "restore the file from a copy, or go on from generation \(generation) with --force"
    case .lastGeneration: "the generation's number has no successor; compact the file"
    case .unsound(let findings):
      "the container is damaged (\(findings.count) findings, the first is: "
        + "\(findings.first?.description ?? "")); remove the damaged tasks, or restore the file"
    case .unconfirmed(let generation, let error):
      "generation \(generation) is written, but may be lost if the machine fails: \(error)"
    }
  }

  /// The refusal of the operating system behind it, if there is one.
  public var systemError: SystemError? {
    switch self {
    case .busy(let path), .replaced(let path):
      SystemError(operation: "lock", path: path, errno: .resourceTemporarilyUnavailable)
    case .unconfirmed(_, let error): error
    default: nil
    }
  }
}
