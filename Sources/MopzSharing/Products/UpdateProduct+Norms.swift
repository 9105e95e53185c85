import MopzLinearAlgebra

extension UpdateProduct {
  /// The Frobenius norm of the product.
  ///
  ///     up = (Q₁·R₁)ᵀ, down = (Q₂·R₂)ᵀ:  ‖upᵀ·down‖ = ‖R₁·R₂ᵀ‖
  ///
  /// Orthogonal factors leave the norm as it is, so nothing is squared before it is small,
  /// and the difference of two products keeps its leading digits.
  ///
  /// - Throws: ``ProductError`` if a value is not finite.
  /// - Complexity: O(rank² · (in + out)); no matrix `[out, in]` is formed.
  public func norm() throws(ProductError) -> Double {
    let norm = try triangles().norm
    guard norm.isFinite else { throw .decomposition(.notConverged) }
    return norm
  }

  /// `R₁ · R₂ᵀ`, which has the singular values of the product.
  func triangles() throws(ProductError) -> Matrix {
    let (a, b) = (up.transposed, down.transposed)
    return try ProductError.decomposing { () throws(DecompositionError) in
      try QRDecomposition.triangle(of: a).productTransposed(QRDecomposition.triangle(of: b))
    }
  }

  /// The product minus another one of the same sizes.
  ///
  /// - Precondition: Both have as many inputs and as many outputs, or rank 0.
  public func subtracting(_ other: UpdateProduct) -> UpdateProduct {
    let negative = other.up.scaled(by: -1)
    guard rank > 0 else { return UpdateProduct(up: negative, down: other.down) }
    guard other.rank > 0 else { return self }
    return UpdateProduct(
      up: .rowsOf([up, negative], columns: up.columns),
      down: .rowsOf([down, other.down], columns: down.columns))
  }

  /// The pairs of the least number that give the product back, up to a share of its norm.
  ///
  /// The singular values are split evenly between both sides. There is at least one pair; a
  /// product of zero has one of zeros.
  ///
  /// - Parameter tolerance: What may be lost, as a share of the norm.
  /// - Throws: ``ProductError`` if a value is not finite.
  /// - Complexity: O(rank² · (in + out)).
  public func reduced(tolerance: Double) throws(ProductError) -> UpdateProduct {
    guard rank > 0 else {
      return UpdateProduct(up: Matrix(zeros: 1, up.columns), down: Matrix(zeros: 1, down.columns))
    }
    let form = try SpectralForm(of: self)
    let kept = form.prefix(Self.keptCount(form.values, tolerance: tolerance))
    let roots = kept.values.map { $0.squareRoot() }
    return UpdateProduct(
      up: kept.left.scalingRows(by: roots), down: kept.right.scalingRows(by: roots))
  }

  /// How many singular values are needed; at least one.
  private static func keptCount(_ values: [Double], tolerance: Double) -> Int {
    let squares = values.map { $0 * $0 }
    let limit = tolerance * tolerance * squares.reduce(0, +)
    var (count, lost) = (values.count, 0.0)
    while count > 1, lost + squares[count - 1] <= limit {
      lost += squares[count - 1]
      count -= 1
    }
    return count
  }
}

extension Matrix {
  /// Matrices of equally many columns, one below the other.
  static func rowsOf(_ parts: [Matrix], columns: Int) -> Matrix {
    var elements: [Double] = []
    elements.reserveCapacity(parts.reduce(0) { $0 + $1.rows } * columns)
    for part in parts { elements += part.elements }
    return Matrix(elements, rows: parts.reduce(0) { $0 + $1.rows }, columns: columns)
  }
}
