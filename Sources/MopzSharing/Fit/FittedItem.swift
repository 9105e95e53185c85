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
    guard let use else { return family.items[item].values.map { $0 * $0 } }
    let rest = try rest(item, use).product
    let norm = family.norms[family.items[item].task]
    return try FitError.computing { () throws(ProductError) in
      try rest.squaredSingularValues().map { norm > 0 ? $0 / (norm * norm) : $0 }
    }
  }

  /// The values with the given types for the strongest private pairs.
  func values(
    _ item: Int, _ use: PublicUse?, types: [StoredType]
  ) throws(FitError) -> FittedItem {
    var fitted = FittedItem(use: use)
    let form: SpectralForm
    if let use {
      let rest = try rest(item, use)
      fitted.core = rest.core
      guard !types.isEmpty else {
        fitted.squaredError = try Self.squaredNorm(of: rest.product)
        return fitted
      }
      form = try FitError.computing { () throws(ProductError) in
        try SpectralForm(of: rest.product)
      }
    } else {
      form = try absoluteForm(of: item)
    }
    fitted.types = types
    for (pair, type) in types.enumerated() {
      let root = form.values[pair].squareRoot()
      fitted.ups += type.rounded(form.left.row(pair).map { $0 * root }).map { Float($0) }
      fitted.downs += type.rounded(form.right.row(pair).map { $0 * root }).map { Float($0) }
    }
    let (outWidth, inWidth) = (family.items[item].outWidth, family.items[item].inWidth)
    let pairs = UpdateProduct(
      up: Matrix(fitted.ups.map { Double($0) }, rows: types.count, columns: outWidth),
      down: Matrix(fitted.downs.map { Double($0) }, rows: types.count, columns: inWidth))
    fitted.squaredError = try Self.squaredNorm(of: form.product.subtracting(pairs))
    return fitted
  }

  private static func squaredNorm(of product: UpdateProduct) throws(FitError) -> Double {
    let norm = try FitError.computing { () throws(ProductError) in try product.norm() }
    return norm * norm
  }

  /// An item in its singular vectors, as large as it is.
  private func absoluteForm(of item: Int) throws(FitError) -> SpectralForm {
    let form = try family.form(of: item)
    let norm = family.norms[family.items[item].task]
    return form.with(values: form.values.map { $0 * norm })
  }

  private struct Rest {
    /// What pools do not give.
    var product: UpdateProduct
    /// The core, as it is stored.
    var core: Matrix
  }

  /// The core and what it leaves.
  private func rest(_ item: Int, _ use: PublicUse) throws(FitError) -> Rest {
    let whole = try absoluteForm(of: item).product
    guard let bases else { return Rest(product: whole, core: Matrix(zeros: 0, 0)) }
    let (u, v) = (bases.up.rows(use.rows), bases.down.rows(use.columns))
    let (gramUp, gramDown) = (u.productTransposed(u), v.productTransposed(v))
    let seen = u.productTransposed(whole.up).product(whole.down.productTransposed(v))
    var stored: Matrix
    var core: Matrix
    if isDiagonal {
      let gates = try DiagonalCore(gramUp, gramDown).gates(seen.diagonal)
      stored = use.coreType.rounded(Matrix(gates, rows: 1, columns: gates.count))
      core = Matrix(diagonal: stored.elements)
    } else {
      stored = use.coreType.rounded(try DenseCore.solve(seen, gramUp, gramDown))
      core = stored
    }
    let part = UpdateProduct(up: core.transposedProduct(u), down: v)
    return Rest(product: whole.subtracting(part), core: stored)
  }
}

extension Matrix {
  /// The elements of one row.
  func row(_ number: Int) -> ArraySlice<Double> {
    elements[(number * columns)..<((number + 1) * columns)]
  }
}
