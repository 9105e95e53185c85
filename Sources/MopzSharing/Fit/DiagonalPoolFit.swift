import MopzLinearAlgebra

/// Bases for cores that are diagonal: `D_i ≈ Uᵀ · diag(s_i) · V`.
///
/// Alternating least squares in closed form, begun at the bases for full cores, turned so that
/// their mean core is diagonal. Bases need not be orthonormal; their rows have the norm 1.
struct DiagonalPoolFit {
  private var up: Matrix
  private var down: Matrix

  init(_ parts: [PoolFit.Part], outWidth: Int, inWidth: Int, count: Int, passes: Int)
    throws(FitError)
  {
    let full = try PoolFit(
      parts, outWidth: outWidth, inWidth: inWidth, upCount: count, downCount: count, passes: 3)
    let size = min(full.up.rows, full.down.rows)
    let (u, v) = (full.up.rows(0..<size), full.down.rows(0..<size))
    var mean = Matrix(zeros: size, size)
    for part in parts {
      mean.add(
        u.productTransposed(part.factors.up).product(part.factors.down.productTransposed(v))
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

  func pool(upChunks: Int, downChunks: Int) -> PublicPool {
    PublicPool(
      up: up, down: down, upChunks: upChunks, downChunks: downChunks,
      isDiagonal: true)
  }

  /// `U = (Σ w·diag(s)·V·Vᵀ·diag(s))⁻¹ · Σ w·diag(s)·V·Dᵀ`, and V likewise.
  private func improved(
    _ basis: Matrix, _ parts: [PoolFit.Part], isUp: Bool
  ) throws(FitError) -> Matrix {
    let (gramUp, gramDown) = (up.productTransposed(up), down.productTransposed(down))
    let otherGram = isUp ? gramDown : gramUp
    var left = Matrix(zeros: basis.rows, basis.rows)
    var right = Matrix(zeros: basis.rows, basis.columns)
    for part in parts {
      let (x, y) = (part.factors.up, part.factors.down)
      let (seenUp, seenDown) = (up.productTransposed(x), down.productTransposed(y))
      let gates = try DiagonalCore.gates(
        seenUp.productTransposed(seenDown).diagonal, gramUp, gramDown)
      for row in 0..<left.rows {
        for column in 0..<left.columns {
          left[row, column] += part.weight * gates[row] * gates[column] * otherGram[row, column]
        }
      }
      let seen = isUp ? seenDown.product(x) : seenUp.product(y)
      for row in 0..<right.rows {
        for column in 0..<right.columns {
          right[row, column] += part.weight * gates[row] * seen[row, column]
        }
      }
    }
    var result = try LeastSquares.solve(left, right)
    for row in 0..<result.rows {
      let norm = (0..<result.columns).reduce(0) { $0 + result[row, $1] * result[row, $1] }
        .squareRoot()
      guard norm > 0 else { continue }
      for column in 0..<result.columns { result[row, column] /= norm }
    }
    return result
  }
}
