import MopzLinearAlgebra

/// Two orthonormal bases that several updates have in common.
///
/// Maximises `Σ_i w_i ‖U · D_i · Vᵀ‖²` over U `[upCount, out]` and V `[downCount, in]` with
/// orthonormal rows, where `D_i = upᵀ_i · down_i`: the orthogonal iteration of a Tucker
/// decomposition with two bases (for equal counts, joint diagonalisation with full cores). It
/// works in the span of the stacked factors, found by one QR for each side. Rows come in
/// descending order of energy, so that a smaller pool is a prefix.
struct PoolFit: Sendable {
  /// One update and its weight.
  struct Part: Sendable {
    var factors: UpdateFactors
    var weight: Double
  }

  /// U, orthonormal rows.
  private(set) var up: Matrix
  /// V, orthonormal rows.
  private(set) var down: Matrix

  /// Fits bases of at most the given sizes; fewer where the updates span no more.
  init(_ parts: [Part], outWidth: Int, inWidth: Int, upCount: Int, downCount: Int, passes: Int)
    throws(FitError)
  {
    do throws(DecompositionError) {
      let ups = parts.map { $0.factors.up.scaled(by: $0.weight.squareRoot()) }
      let left = try Coordinates(ups, width: outWidth)
      let right = try Coordinates(parts.map(\.factors.down), width: inWidth)
      let counts = (min(upCount, left.size), min(downCount, right.size))
      var v = try Self.start(right, left, count: counts.1)
      var u = Matrix(zeros: 0, left.size)
      for pass in 0..<passes {
        u = try Self.improved(
          pass == 0 ? nil : u, count: counts.0, along: left, through: v, across: right)
        v = try Self.improved(v, count: counts.1, along: right, through: u, across: left)
      }
      (u, v) = try Self.ordered(u, v, left, right)
      up = left.expanded(u)
      down = right.expanded(v)
    } catch { throw .numerics(error.description) }
  }

  /// The strongest directions of the right side alone.
  private static func start(
    _ side: Coordinates, _ other: Coordinates, count: Int
  ) throws(DecompositionError) -> Matrix {
    let inner = other.parts.map { $0.productTransposed($0) }
    return try leading(nil, count: count, of: side.parts, inner)
  }

  /// One half step: the best basis of one side for a given basis of the other.
  private static func improved(
    _ basis: Matrix?, count: Int, along side: Coordinates, through other: Matrix,
    across otherSide: Coordinates
  ) throws(DecompositionError) -> Matrix {
    let inner = otherSide.parts.map { part in
      let seen = other.productTransposed(part)  // [other, rank]
      return seen.transposedProduct(seen)
    }
    return try leading(basis, count: count, of: side.parts, inner)
  }

  /// Sizes up to which the whole spectrum costs less than iterating a block.
  private static let directSize = 96

  /// The leading eigenvectors of `Σ_i X_iᵀ · G_i · X_i`, as rows.
  private static func leading(
    _ basis: Matrix?, count: Int, of parts: [Matrix], _ inner: [Matrix]
  ) throws(DecompositionError) -> Matrix {
    let size = parts.first?.columns ?? 0
    if size <= directSize || count * 2 >= size {
      var sum = Matrix(zeros: size, size)
      for (x, g) in zip(parts, inner) { sum.add(x.transposedProduct(g.product(x))) }
      return try SymmetricEigen(of: sum).vectors.columns(0..<count).transposed
    }
    var block = basis ?? .pseudoRandom(rows: count, columns: size)
    for _ in 0..<(basis == nil ? 4 : 1) {
      var sum = Matrix(zeros: count, size)
      for (x, g) in zip(parts, inner) { sum.add(block.productTransposed(x).product(g).product(x)) }
      block = try QRDecomposition(of: sum.transposed).q.transposed
    }
    return block
  }

  /// Turns both bases so that their rows descend in energy.
  private static func ordered(
    _ u: Matrix, _ v: Matrix, _ left: Coordinates, _ right: Coordinates
  ) throws(DecompositionError) -> (Matrix, Matrix) {
    var (ups, downs) = (Matrix(zeros: u.rows, u.rows), Matrix(zeros: v.rows, v.rows))
    for (x, y) in zip(left.parts, right.parts) {
      let core = u.productTransposed(x).product(y.productTransposed(v))
      ups.add(core.productTransposed(core))
      downs.add(core.transposedProduct(core))
    }
    return (
      try SymmetricEigen(of: ups).vectors.transposedProduct(u),
      try SymmetricEigen(of: downs).vectors.transposedProduct(v)
    )
  }
}

/// Factors in a basis of the space that they span together.
private struct Coordinates {
  /// The factors `[rank, size]`.
  let parts: [Matrix]
  /// Orthonormal rows `[size, width]`; nil if the coordinates are the elements themselves.
  private let basis: Matrix?
  /// The dimension of the coordinates.
  let size: Int

  init(_ factors: [Matrix], width: Int) throws(DecompositionError) {
    let rank = factors.reduce(0) { $0 + $1.rows }
    guard rank < width else {
      (parts, basis, size) = (factors, nil, width)
      return
    }
    let qr = try QRDecomposition(of: Matrix.rowsOf(factors, columns: width).transposed)
    let coordinates = qr.r.transposed
    var (parts, first): ([Matrix], Int) = ([], 0)
    for factor in factors {
      parts.append(coordinates.rows(first..<(first + factor.rows)))
      first += factor.rows
    }
    (self.parts, basis, size) = (parts, qr.q.transposed, rank)
  }

  func expanded(_ rows: Matrix) -> Matrix { basis.map { rows.product($0) } ?? rows }
}

extension Matrix {
  /// Adds another matrix of the same size.
  mutating func add(_ other: Matrix) {
    precondition(rows == other.rows && columns == other.columns)
    for index in elements.indices { elements[index] += other.elements[index] }
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
