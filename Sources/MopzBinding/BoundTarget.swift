public import MopzAdapters
public import MopzSafetensors
public import MopzTensors

/// Everything that the adapters do to one tensor of the base, in one place.
///
/// With W₀ the base tensor, or ``replacement`` if there is one, with ``rows`` put
/// in, the merged tensor is
///
///     V = W₀ + Σ terms + Σ dense        M = round(V)
///
/// and for a magnitude, M = round(m ⊙ V / ‖V‖), norms per output.
public struct BoundTarget: Sendable {
  /// The name of the tensor in the merged checkpoint.
  public var name: String
  /// Where W is.
  ///
  /// For a head that is untied it is the embedding, otherwise the tensor `name`.
  public var base: BaseTensor
  /// Whether the base lacks the tensor: an output head that was tied to ``base``.
  public var isUntied: Bool
  /// How ΔW lies in the base matrix; rows for what has no terms.
  public var orientation: WeightOrientation
  /// The low-rank terms of all adapters.
  public var terms: [BoundTerm] = []
  /// Full-size deltas of all adapters.
  public var dense: [BoundDense] = []
  /// The magnitudes of DoRA, one per output.
  public var magnitude: BoundTensor?
  /// The value that takes the place of the base tensor.
  public var replacement: BoundTensor?
  /// Rows of the base tensor that get other values.
  public var rows: BoundRows?

  /// The base tensor as a matrix.
  public var matrix: (rows: Int, columns: Int) { base.info.shape.matrix }

  /// The number of outputs and inputs of ΔW.
  public var features: (out: Int, in: Int) {
    let matrix = matrix
    return switch orientation {
    case .outputRows: (matrix.rows, matrix.columns)
    case .outputColumns: (matrix.columns, matrix.rows)
    }
  }

  /// Whether the tensor is only given another value, without arithmetic.
  public var isReplacedOnly: Bool {
    terms.isEmpty && dense.isEmpty && magnitude == nil && (replacement != nil || rows != nil)
  }

  /// The indices of the adapters that change the tensor, ascending.
  public var adapters: [Int] {
    let parts =
      terms.map(\.adapter) + dense.map(\.adapter)
      + [magnitude?.adapter, replacement?.adapter, rows?.adapter].compactMap { $0 }
    return Set(parts).sorted()
  }
}

/// A tensor of the base, and where it is.
public struct BaseTensor: Sendable {
  /// Name, element type and shape.
  public var info: TensorInfo
  /// The place in ``Binding/base``.
  public var location: Checkpoint.Location
}

/// A term of an adapter, with the user's multiplier.
public struct BoundTerm: Sendable {
  /// The adapter's position in ``Binding/adapters``, whose tables the term indexes.
  public var adapter: Int
  /// The term.
  public var term: Term
  /// The multiplier beside the term's own scaling.
  public var scale: Double
}

/// A full-size delta, with its multiplier.
public struct BoundDense: Sendable {
  /// The adapter's position in ``Binding/adapters``.
  public var adapter: Int
  /// The delta, as many elements as the base tensor and in its order.
  public var tensor: Tensor
  /// The multiplier: the update's own times the user's.
  public var scale: Double
}

/// A tensor of an adapter that a target uses as it is.
public struct BoundTensor: Sendable {
  /// The adapter's position in ``Binding/adapters``.
  public var adapter: Int
  /// The tensor.
  public var tensor: Tensor
}

/// Rows that get other values.
public struct BoundRows: Sendable {
  /// The adapter's position in ``Binding/adapters``.
  public var adapter: Int
  /// The rows' numbers, each once.
  public var indices: [Int]
  /// The values, `[indices.count, columns]`.
  public var values: Tensor
}

/// A tensor that the base lacks and an adapter brings, such as a classification head.
public struct AddedTensor: Sendable {
  /// The name in the merged checkpoint.
  public var name: String
  /// The adapter's position in ``Binding/adapters``; nil for the other side of a tie.
  public var adapter: Int?
  /// The value.
  public var tensor: Tensor
}
