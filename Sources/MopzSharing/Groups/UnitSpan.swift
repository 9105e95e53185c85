import MopzLinearAlgebra

/// Updates of equal shape in bases of the spaces that their vectors, or pieces of them, span.
///
/// What decides about pools are products of vectors, which orthonormal bases leave as they are,
/// and few updates of low rank have far fewer coordinates than elements. A pool is chosen in
/// these coordinates and expanded once.
struct UnitSpan: Sendable {
  /// The items.
  let members: [Int]
  /// The singular values of each member, relative to its task's norm.
  let values: [[Double]]
  /// The vectors on the side of the outputs.
  let up: SpanSide
  /// The vectors on the side of the inputs.
  let down: SpanSide

  /// Finds the bases.
  ///
  /// - Precondition: The widths are multiples of the chunks.
  /// - Complexity: O((out + in) · R²), where R is the sum of the ranks of all pieces or, where
  ///   that is less, the width of a piece.
  init(_ unit: FitUnit, in family: FitFamily) throws(FitError) {
    var forms: [SpectralForm] = []
    for member in unit.members { forms.append(try family.form(of: member)) }
    members = unit.members
    values = forms.map(\.values)
    do throws(DecompositionError) {
      up = try SpanSide(forms.map(\.left), chunks: unit.upChunks)
      down = try SpanSide(forms.map(\.right), chunks: unit.downChunks)
    } catch { throw .numerics(error.description) }
  }

  /// A pool in elements.
  func expanded(_ pool: PublicPool) -> PublicPool {
    var result = pool
    result.up = up.expanded(pool.up)
    result.down = down.expanded(pool.down)
    return result
  }

  /// A member as a pool in coordinates sees it.
  func model(_ place: Int, _ pool: PublicPool) -> ItemModel {
    ItemModel(
      values: values[place], up: up.seen(by: pool.up, member: place),
      down: down.seen(by: pool.down, member: place))
  }
}

/// One side of a span.
struct SpanSide: Sendable {
  /// Into how many pieces vectors are cut.
  let chunks: Int
  /// The dimension of the coordinates.
  let size: Int
  /// The elements of a piece.
  let length: Int
  /// The pieces of each member's vectors, `[rank, size]`.
  private let parts: [[Matrix]]
  /// Orthonormal rows `[size, length]`; nil if the coordinates are the elements themselves.
  private let basis: Matrix?

  init(_ vectors: [Matrix], chunks: Int) throws(DecompositionError) {
    self.chunks = chunks
    let pieces = vectors.map { $0.columnPieces(chunks) }
    length = (vectors.first?.columns ?? 0) / chunks
    let rank = pieces.reduce(0) { $0 + $1.reduce(0) { $0 + $1.rows } }
    guard rank < length else {
      (parts, basis, size) = (pieces, nil, length)
      return
    }
    let qr = try QRDecomposition(
      of: Matrix.rowsOf(pieces.flatMap(\.self), columns: length).transposed)
    let coordinates = qr.r.transposed
    var first = 0
    parts = pieces.map { pieces in
      pieces.map { piece in
        defer { first += piece.rows }
        return coordinates.rows(first..<(first + piece.rows))
      }
    }
    basis = qr.q.transposed
    size = rank
  }

  /// The pieces of a member's vectors.
  func pieces(of member: Int) -> [Matrix] { parts[member] }

  /// The products of a pool's vectors with all pieces of a member's: those with the first piece,
  /// then those with the second, as in the effective basis, `[chunks · count, rank]`.
  func seen(by vectors: Matrix, member: Int) -> Matrix {
    let seen = parts[member].map { vectors.productTransposed($0) }
    return seen.count == 1 ? seen[0] : .rowsOf(seen, columns: seen[0].columns)
  }

  /// Vectors in elements.
  func expanded(_ rows: Matrix) -> Matrix { basis.map { rows.product($0) } ?? rows }
}

extension Matrix {
  /// The columns in so many pieces of equal width.
  func columnPieces(_ count: Int) -> [Matrix] {
    guard count > 1 else { return [self] }
    let width = columns / count
    return (0..<count).map { columns(($0 * width)..<(($0 + 1) * width)) }
  }
}
