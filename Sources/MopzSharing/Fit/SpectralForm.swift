import MopzLinearAlgebra

/// A product in its singular vectors: `upᵀ · down = leftᵀ · diag(values) · right`.
struct SpectralForm: Sendable {
  /// The singular values, descending.
  let values: [Double]
  /// Orthonormal rows, `[rank, out]`.
  let left: Matrix
  /// Orthonormal rows, `[rank, in]`.
  let right: Matrix

  /// Decomposes a product without forming it.
  ///
  /// - Complexity: O((out + in) · rank²).
  init(up: Matrix, down: Matrix) throws(FitError) {
    do throws(DecompositionError) {
      let (qu, qd) = (
        try QRDecomposition(of: up.transposed), try QRDecomposition(of: down.transposed)
      )
      let svd = try SingularValues(of: qu.r.productTransposed(qd.r))
      values = svd.values
      left = qu.q.product(svd.left).transposed
      right = qd.q.product(svd.right).transposed
    } catch { throw .numerics(error.description) }
  }

  /// The squared Frobenius norm of a product, without forming it.
  static func squaredNorm(up: Matrix, down: Matrix) throws(FitError) -> Double {
    do throws(DecompositionError) {
      let left = try QRDecomposition.triangle(of: up.transposed)
      let right = try QRDecomposition.triangle(of: down.transposed)
      return left.productTransposed(right).squaredNorm
    } catch { throw .numerics(error.description) }
  }
}

extension Matrix {
  /// Matrices of equally many columns, one below the other.
  static func rowsOf(_ parts: [Matrix], columns: Int) -> Matrix {
    Matrix(
      parts.flatMap(\.elements), rows: parts.reduce(0) { $0 + $1.rows }, columns: columns)
  }
}
