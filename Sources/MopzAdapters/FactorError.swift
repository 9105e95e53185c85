public import MopzTensors

/// A reason for which a factor has no elements.
public enum FactorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A value of the index table is neither a vector of the pool nor the zero shard.
  case indexOutsidePool(value: UInt64, vectorCount: Int)
  /// One of the logits of a softmax is not a number.
  case logitIsNaN
  /// The elements of a block cannot be read as numbers of the kind that is needed.
  case unsupportedType(DType)
  /// The tables contradict each other; a factor from a container or an importer never does.
  case malformed

  /// A lower-case clause.
  public var description: String {
    switch self {
    case .indexOutsidePool(let value, let vectorCount):
      "index \(value) lies outside the pool of \(vectorCount) vectors"
    case .logitIsNaN: "a logit is not a number"
    case .unsupportedType(let dtype): "elements of type \(dtype.code) cannot be used here"
    case .malformed: "pool, index table and width contradict each other"
    }
  }
}
