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
    guard rank > 0 else { return 0 }
    let (a, b) = (up.transposed, down.transposed)
    let norm = try ProductError.decomposing { () throws(DecompositionError) in
      let (left, right) = (try QRDecomposition.triangle(of: a), try QRDecomposition.triangle(of: b))
      return left.productTransposed(right).squaredNorm.squareRoot()
    }
    guard norm.isFinite else { throw .decomposition(.notConverged) }
    return norm
  }

  /// The product minus another one of the same sizes.
  ///
  /// - Precondition: Both have as many inputs and as many outputs, or rank 0.
  public func subtracting(_ other: UpdateProduct) -> UpdateProduct {
    guard rank > 0 else { return UpdateProduct(up: other.up.scaled(by: -1), down: other.down) }
    guard other.rank > 0 else { return self }
    precondition(up.columns == other.up.columns && down.columns == other.down.columns)
    let rank = rank + other.rank
    return UpdateProduct(
      up: Matrix(
        up.elements + other.up.elements.map { -$0 }, rows: rank, columns: up.columns),
      down: Matrix(
        down.elements + other.down.elements, rows: rank, columns: down.columns))
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
    let (a, b) = (up.transposed, down.transposed)
    return try ProductError.decomposing { () throws(DecompositionError) in
      let (left, right) = (try QRDecomposition(of: a), try QRDecomposition(of: b))
      let svd = try SingularValues(of: left.r.productTransposed(right.r))
      let kept = 0..<Self.keptCount(svd.values, tolerance: tolerance)
      let roots = kept.map { svd.values[$0].squareRoot() }
      return UpdateProduct(
        up: left.q.product(svd.left.columns(kept).scalingColumns(by: roots)).transposed,
        down: right.q.product(svd.right.columns(kept).scalingColumns(by: roots)).transposed)
    }
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
