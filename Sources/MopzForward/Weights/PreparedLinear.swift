import MopzBinding
import MopzTensors

/// A linear layer of one variant, ready for activations.
struct PreparedLinear: Sendable {
  let matrix: WeightMatrix
  /// Whether the matrix is stored `[in, out]`.
  let isTransposed: Bool
  let bias: [Float]?
  let terms: [PreparedTerm]
  /// DoRA: what each output is multiplied by before the bias.
  let gains: [Float]?

  var inFeatures: Int { isTransposed ? matrix.rows : matrix.columns }
  var outFeatures: Int { isTransposed ? matrix.columns : matrix.rows }
}
