import MopzLinearAlgebra

/// A product in its singular vectors: `upᵀ · down = leftᵀ · diag(values) · right`.
struct SpectralForm: Sendable {
  /// The singular values, descending.
  let values: [Double]
  /// Orthonormal rows, `[rank, out]`.
  let left: Matrix
  /// Orthonormal rows, `[rank, in]`.
  let right: Matrix

  init(values: [Double], left: Matrix, right: Matrix) {
    self.values = values
    self.left = left
    self.right = right
  }

  /// Decomposes a product without forming it.
  ///
  /// - Throws: ``ProductError`` if a value is not finite.
  /// - Complexity: O((out + in) · rank²).
  init(of product: UpdateProduct) throws(ProductError) {
    let (a, b) = (product.up.transposed, product.down.transposed)
    self = try ProductError.decomposing { () throws(DecompositionError) in
      let (up, down) = (try QRDecomposition(of: a), try QRDecomposition(of: b))
      let svd = try SingularValues(of: up.r.productTransposed(down.r))
      return SpectralForm(
        values: svd.values, left: up.q.product(svd.left).transposed,
        right: down.q.product(svd.right).transposed)
    }
  }

  /// The strongest of the pairs of vectors.
  func prefix(_ count: Int) -> SpectralForm {
    SpectralForm(
      values: Array(values.prefix(count)), left: left.rows(0..<min(count, left.rows)),
      right: right.rows(0..<min(count, right.rows)))
  }

  /// The form with other singular values.
  func with(values: [Double]) -> SpectralForm {
    SpectralForm(values: values, left: left, right: right)
  }

  /// The product, with the singular values on the side of the outputs.
  var product: UpdateProduct { UpdateProduct(up: left.scalingRows(by: values), down: right) }
}

extension UpdateProduct {
  /// The squares of the singular values, descending, without their vectors.
  ///
  /// - Throws: ``ProductError`` if a value is not finite.
  /// - Complexity: O((out + in) · rank²).
  func squaredSingularValues() throws(ProductError) -> [Double] {
    let core = try triangles()
    let values = try ProductError.decomposing { () throws(DecompositionError) in
      try SingularValues(of: core).values
    }
    return values.map { $0 * $0 }
  }
}
