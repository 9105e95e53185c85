public import MopzBytes
import SystemPackage

/// A reason for which tokens cannot be used.
public enum TokenError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file cannot be read.
  case system(SystemError)
  /// The file is neither of the two forms.
  case malformed(file: String, reason: String)
  /// There is no sequence, or an empty one.
  case empty(sequence: Int?)
  /// An id that the vocabulary does not have.
  case idOutsideVocabulary(id: Int, sequence: Int, position: Int, vocabularySize: Int)
  /// A sequence is longer than the model has positions.
  case tooLong(sequence: Int, count: Int, limit: Int)
  /// More tokens than a pass takes.
  case tooMany(count: Int, limit: Int)

  /// The file, or `tokens` where the error knows none.
  public var place: String {
    switch self {
    case .system(let error): error.path.string.quoted
    case .malformed(let file, _): file.quoted
    case .empty, .idOutsideVocabulary, .tooLong, .tooMany: "tokens"
    }
  }

  /// A lower-case clause.
  public var description: String {
    switch self {
    case .system(let error): error.description
    case .malformed(let file, let reason): "\(file.quoted) holds no tokens: \(reason)"
    case .empty(nil): "there are no token sequences"
    case .empty(let sequence?): "token sequence \(sequence) is empty"
    case .idOutsideVocabulary(let id, let sequence, let position, let size):
      "token \(position) of sequence \(sequence) is \(id), but the vocabulary has \(size) ids "
        + "(are the tokens another model's?)"
    case .tooLong(let sequence, let count, let limit):
      "token sequence \(sequence) has \(count) tokens, but the model has \(limit) positions"
    case .tooMany(let count, let limit): "\(count) tokens are more than \(limit)"
    }
  }
}
