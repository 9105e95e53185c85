import MopzLinearAlgebra

/// The values of one update as they are stored.
struct FittedItem: Sendable {
  /// What it takes from the pools; nil if nothing.
  var use: PublicUse?
  /// The core, rounded; diagonal ones as one row.
  var core = Matrix(zeros: 0, 0)
  /// The type of each private pair.
  var types: [StoredType] = []
  /// The private vectors, rounded: B's, `[pairs, out]`.
  var ups: [Float] = []
  /// A's, `[pairs, in]`.
  var downs: [Float] = []
  /// The squared Frobenius norm of what is missing.
  var squaredError = 0.0
}

/// Works out the values of updates over pools as they are stored.
///
/// The core is refitted to the rounded pools, so that it makes up for a part of their error,
/// and private pairs are the singular vectors of what is then left.
struct ValueFit: Sendable {
  let family: FitFamily
  /// The effective bases as they will be read; nil without pools.
  private let bases: (up: Matrix, down: Matrix)?
  private let isDiagonal: Bool

  /// - Parameter pool: The rounded pools.
  init(_ family: FitFamily, _ pool: PublicPool?) {
    self.family = family
    bases = pool.map { ($0.effectiveUp, $0.effectiveDown) }
    isDiagonal = pool?.isDiagonal ?? false
  }

  /// The squared singular values, relative to the task's norm, of what pools do not give.
  func energies(_ item: Int, _ use: PublicUse?) throws(FitError) -> [Double] {
    let norm = family.norms[family.items[item].task]
    guard use != nil, norm > 0 else { return family.items[item].values.map { $0 * $0 } }
    return try rest(item, use).form.values.map { $0 * $0 / (norm * norm) }
  }

  /// The values with the given types for the strongest private pairs.
  func values(
    _ item: Int, _ use: PublicUse?, types: [StoredType]
  ) throws(FitError) -> FittedItem {
    let rest = try rest(item, use)
    var fitted = FittedItem(use: use, core: rest.core)
    var (ups, downs): ([Double], [Double]) = ([], [])
    for (pair, type) in types.enumerated() {
      let root = rest.form.values[pair].squareRoot()
      ups += type.rounded(rest.form.left.row(pair).map { $0 * root })
      downs += type.rounded(rest.form.right.row(pair).map { $0 * root })
    }
    fitted.types = types
    fitted.ups = ups.map { Float($0) }
    fitted.downs = downs.map { Float($0) }
    let (outWidth, inWidth) = (family.items[item].outWidth, family.items[item].inWidth)
    fitted.squaredError = try SpectralForm.squaredNorm(
      up: .rowsOf(
        [
          rest.form.left.transposed.scalingColumns(by: rest.form.values).transposed,
          Matrix(ups, rows: types.count, columns: outWidth).scaled(by: -1),
        ], columns: outWidth),
      down: .rowsOf(
        [rest.form.right, Matrix(downs, rows: types.count, columns: inWidth)], columns: inWidth))
    return fitted
  }

  private struct Rest {
    var form: SpectralForm
    var core: Matrix
  }

  /// The core and what it leaves.
  private func rest(_ item: Int, _ use: PublicUse?) throws(FitError) -> Rest {
    let norm = family.norms[family.items[item].task]
    let relative = try family.factors(of: item)
    let factors = UpdateFactors(up: relative.up.scaled(by: max(norm, 1e-300)), down: relative.down)
    guard let use, let bases else {
      return Rest(
        form: try SpectralForm(up: factors.up, down: factors.down), core: Matrix(zeros: 0, 0))
    }
    let (u, v) = (bases.up.rows(use.rows), bases.down.rows(use.columns))
    let (gramUp, gramDown) = (u.productTransposed(u), v.productTransposed(v))
    let seen = u.productTransposed(factors.up).product(factors.down.productTransposed(v))
    var stored: Matrix
    var core: Matrix
    if isDiagonal {
      let gates = try DiagonalCore.gates(seen.diagonal, gramUp, gramDown)
      stored = use.coreType.rounded(Matrix(gates, rows: 1, columns: gates.count))
      core = Matrix(diagonal: stored.elements)
    } else {
      stored = use.coreType.rounded(try DenseCore.solve(seen, gramUp, gramDown))
      core = stored
    }
    let form = try SpectralForm(
      up: .rowsOf([factors.up, core.transposedProduct(u).scaled(by: -1)], columns: u.columns),
      down: .rowsOf([factors.down, v], columns: v.columns))
    return Rest(form: form, core: stored)
  }
}

extension Matrix {
  /// The elements of one row.
  func row(_ number: Int) -> ArraySlice<Double> {
    elements[(number * columns)..<((number + 1) * columns)]
  }
}
