import MopzLinearAlgebra

/// Diagonal cores over bases that are not orthonormal.
struct DiagonalCore: Sendable {
  private let squares: LeastSquares

  /// - Parameters:
  ///   - up: `U·Uᵀ`.
  ///   - down: `V·Vᵀ`.
  /// - Complexity: O(size³).
  init(_ up: Matrix, _ down: Matrix) throws(FitError) {
    var products = up
    for index in products.elements.indices { products.elements[index] *= down.elements[index] }
    squares = try LeastSquares(products)
  }

  /// The gates that leave the least: `((U·Uᵀ) ∘ (V·Vᵀ)) · s = diag(U·D·Vᵀ)`.
  ///
  /// - Complexity: O(size²).
  func gates(_ seen: [Double]) -> [Double] {
    squares.solve(Matrix(seen, rows: seen.count, columns: 1)).elements
  }
}
