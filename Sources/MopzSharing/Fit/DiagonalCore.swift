import MopzLinearAlgebra

/// Diagonal cores over bases that are not orthonormal.
enum DiagonalCore {
  /// The gates that leave the least: `((U·Uᵀ) ∘ (V·Vᵀ)) · s = diag(U·D·Vᵀ)`.
  static func gates(_ seen: [Double], _ up: Matrix, _ down: Matrix) throws(FitError) -> [Double] {
    var products = up
    for index in products.elements.indices { products.elements[index] *= down.elements[index] }
    let rightSide = Matrix(seen, rows: seen.count, columns: 1)
    return try LeastSquares.solve(products, rightSide).elements
  }
}

/// Least squares with symmetric matrices that may lack rank.
enum LeastSquares {
  /// The shortest x with the least `‖gram · x − b‖`.
  static func solve(_ gram: Matrix, _ b: Matrix) throws(FitError) -> Matrix {
    do throws(DecompositionError) {
      let eigen = try SymmetricEigen(of: gram)
      let limit = (eigen.values.first ?? 0) * 1e-13
      let inverses = eigen.values.map { $0 > limit && $0 > 0 ? 1 / $0 : 0 }
      return eigen.vectors.scalingColumns(by: inverses).product(eigen.vectors.transposedProduct(b))
    } catch { throw .numerics(error.description) }
  }
}
