import MopzLinearAlgebra

/// Dense cores over bases that need not be orthonormal.
enum DenseCore {
  /// The core that leaves the least: `S = (U·Uᵀ)⁻¹ · U·D·Vᵀ · (V·Vᵀ)⁻¹`.
  ///
  /// - Parameters:
  ///   - seen: `U·D·Vᵀ`.
  ///   - up: `U·Uᵀ`.
  ///   - down: `V·Vᵀ`.
  static func solve(_ seen: Matrix, _ up: Matrix, _ down: Matrix) throws(FitError) -> Matrix {
    let half = try LeastSquares(up).solve(seen)
    return try LeastSquares(down).solve(half.transposed).transposed
  }
}
