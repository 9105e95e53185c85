import MopzLinearAlgebra

/// Bases for cores that are diagonal: `D_i ≈ Uᵀ · diag(s_i) · V`.
///
/// Alternating least squares in closed form, begun at the bases for full cores, turned so that
/// their mean core is diagonal. Bases need not be orthonormal; their rows have the norm 1.
struct DiagonalPoolFit {
  /// U, in the coordinates of the span.
  private(set) var up: Matrix
  /// V, likewise.
  private(set) var down: Matrix

  /// Fits bases in the coordinates of a span whose vectors are whole.
  ///
  /// - Parameter weights: One for each member of the span.
  init(_ span: UnitSpan, weights: [Double], count: Int, passes: Int) throws(FitError) {
    let full = try PoolFit(span, weights: weights, upCount: count, downCount: count, passes: 3)
    let size = min(full.up.rows, full.down.rows)
    let (u, v) = (full.up.rows(0..<size), full.down.rows(0..<size))
    let parts = span.members.indices.map { member in
      Part(
        left: .rowsOf(span.up.pieces(of: member), columns: span.up.size)
          .scalingRows(by: span.values[member]),
        right: .rowsOf(span.down.pieces(of: member), columns: span.down.size),
        weight: weights[member])
    }
    var mean = Matrix(zeros: size, size)
    for part in parts {
      mean.add(
        u.productTransposed(part.left).product(part.right.productTransposed(v))
          .scaled(by: part.weight))
    }
    do throws(DecompositionError) {
      let turn = try SingularValues(of: mean)
      up = turn.left.transposedProduct(u)
      down = turn.right.transposedProduct(v)
    } catch { throw .numerics(error.description) }
    for _ in 0..<passes {
      up = try improved(up, parts, isUp: true)
      down = try improved(down, parts, isUp: false)
    }
  }

  private struct Part {
    var left: Matrix
    var right: Matrix
    var weight: Double
  }

  /// `U = (Σ w·diag(s)·V·Vᵀ·diag(s))⁻¹ · Σ w·diag(s)·V·Dᵀ`, and V likewise.
  private func improved(
    _ basis: Matrix, _ parts: [Part], isUp: Bool
  ) throws(FitError) -> Matrix {
    let (gramUp, gramDown) = (up.productTransposed(up), down.productTransposed(down))
    let otherGram = isUp ? gramDown : gramUp
    let core = try DiagonalCore(gramUp, gramDown)
    var left = Matrix(zeros: basis.rows, basis.rows)
    var right = Matrix(zeros: basis.rows, basis.columns)
    for part in parts {
      let (x, y) = (part.left, part.right)
      let (seenUp, seenDown) = (up.productTransposed(x), down.productTransposed(y))
      let gates = core.gates(seenUp.productTransposed(seenDown).diagonal)
      for row in 0..<left.rows {
        for column in 0..<left.columns {
          left[row, column] += part.weight * gates[row] * gates[column] * otherGram[row, column]
        }
      }
      let seen = isUp ? seenDown.product(x) : seenUp.product(y)
      right.add(seen.scalingRows(by: gates.map { part.weight * $0 }))
    }
    let result = try LeastSquares(left).solve(right)
    return result.scalingRows(
      by: (0..<result.rows).map { row in
        let norm = result.row(row).reduce(0) { $0 + $1 * $1 }.squareRoot()
        return norm > 0 ? 1 / norm : 1
      })
  }
}
