import MopzLinearAlgebra

/// Two orthonormal bases that several updates have in common.
///
/// Maximises `Σ_i w_i ‖U · D_i · Vᵀ‖²` over U and V with orthonormal rows, where D_i are the
/// updates of a span or pieces of them: the orthogonal iteration of a Tucker decomposition with
/// two bases (for equal counts, joint diagonalisation with full cores). Rows come in descending
/// order of energy, so that a smaller pool is a prefix.
struct PoolFit: Sendable {
  /// U, orthonormal rows in the coordinates of the span, `[upCount, size]`.
  private(set) var up: Matrix
  /// V, likewise.
  private(set) var down: Matrix

  /// Fits bases of at most the given sizes; fewer where the updates span no more.
  ///
  /// - Parameter weights: One for each member of the span.
  init(_ span: UnitSpan, weights: [Double], upCount: Int, downCount: Int, passes: Int)
    throws(FitError)
  {
    do throws(DecompositionError) {
      let (left, right) = (span.up, span.down)
      let energies = zip(span.values, weights).map { values, weight in
        values.map { $0 * weight.squareRoot() }
      }
      let counts = (min(upCount, left.size), min(downCount, right.size))
      // The strongest directions of the right side alone: the left vectors are orthonormal.
      var v = try Self.leading(
        nil, count: counts.1, of: right,
        energies.map { values in Matrix(diagonal: values.map { $0 * $0 }) })
      var u = Matrix(zeros: 0, left.size)
      for pass in 0..<passes {
        u = try Self.leading(
          pass == 0 ? nil : u, count: counts.0, of: left, Self.inner(v, right, energies))
        v = try Self.leading(v, count: counts.1, of: right, Self.inner(u, left, energies))
      }
      (up, down) = try Self.ordered(u, v, span, energies)
    } catch { throw .numerics(error.description) }
  }

  /// What a basis of one side leaves of each member, on the other side: `σ·Y·Vᵀ·V·Yᵀ·σ`, summed
  /// over the pieces Y of its vectors.
  private static func inner(
    _ basis: Matrix, _ side: SpanSide, _ energies: [[Double]]
  ) -> [Matrix] {
    energies.indices.map { member in
      let seen = side.seen(by: basis, member: member).scalingColumns(by: energies[member])
      return seen.transposedProduct(seen)
    }
  }

  /// Sizes up to which the whole spectrum costs less than iterating a block.
  private static let directSize = 96

  /// The leading eigenvectors of `Σ_i X_iᵀ · G_i · X_i` over all pieces X, as rows.
  private static func leading(
    _ basis: Matrix?, count: Int, of side: SpanSide, _ inner: [Matrix]
  ) throws(DecompositionError) -> Matrix {
    let size = side.size
    if size <= directSize || count * 2 >= size {
      var sum = Matrix(zeros: size, size)
      for (member, g) in inner.enumerated() {
        for x in side.pieces(of: member) { sum.add(x.transposedProduct(g.product(x))) }
      }
      return try SymmetricEigen(of: sum).vectors.columns(0..<count).transposed
    }
    var block = basis ?? .pseudoRandom(rows: count, columns: size)
    for _ in 0..<(basis == nil ? 4 : 1) {
      var sum = Matrix(zeros: count, size)
      for (member, g) in inner.enumerated() {
        for x in side.pieces(of: member) {
          sum.add(block.productTransposed(x).product(g).product(x))
        }
      }
      block = try QRDecomposition(of: sum.transposed).q.transposed
    }
    return block
  }

  /// Turns both bases so that their rows descend in energy.
  private static func ordered(
    _ u: Matrix, _ v: Matrix, _ span: UnitSpan, _ energies: [[Double]]
  ) throws(DecompositionError) -> (Matrix, Matrix) {
    var (ups, downs) = (Matrix(zeros: u.rows, u.rows), Matrix(zeros: v.rows, v.rows))
    for (member, values) in energies.enumerated() {
      for x in span.up.pieces(of: member) {
        let left = u.productTransposed(x).scalingColumns(by: values)
        for y in span.down.pieces(of: member) {
          let core = left.product(y.productTransposed(v))
          ups.add(core.productTransposed(core))
          downs.add(core.transposedProduct(core))
        }
      }
    }
    return (
      try SymmetricEigen(of: ups).vectors.transposedProduct(u),
      try SymmetricEigen(of: downs).vectors.transposedProduct(v)
    )
  }
}

extension Matrix {
  /// Adds another matrix of the same size.
  mutating func add(_ other: Matrix) {
    precondition(rows == other.rows && columns == other.columns)
    let source = other.elements.span
    var target = elements.mutableSpan
    for index in source.indices { target[index] += source[index] }
  }

  /// Numbers in (−1, 1) that are always the same.
  static func pseudoRandom(rows: Int, columns: Int) -> Matrix {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    var result = Matrix(zeros: rows, columns)
    for index in result.elements.indices {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      result.elements[index] = Double(Int64(bitPattern: state) >> 11) / 0x1p52
    }
    return result
  }
}
