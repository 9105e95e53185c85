import MopzLinearAlgebra

/// Least squares with a symmetric matrix that may lack rank, decomposed once.
struct LeastSquares: Sendable {
  private let vectors: Matrix
  private let inverses: [Double]

  /// - Complexity: O(size³).
  init(_ gram: Matrix) throws(FitError) {
    do throws(DecompositionError) {
      let eigen = try SymmetricEigen(of: gram)
      let limit = (eigen.values.first ?? 0) * 1e-13
      vectors = eigen.vectors
      inverses = eigen.values.map { $0 > limit && $0 > 0 ? 1 / $0 : 0 }
    } catch { throw .numerics(error.description) }
  }

  /// The shortest x with the least `‖gram · x − b‖`.
  func solve(_ b: Matrix) -> Matrix {
    vectors.scalingColumns(by: inverses).product(vectors.transposedProduct(b))
  }
}
