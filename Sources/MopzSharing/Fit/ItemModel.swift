import MopzLinearAlgebra

/// One update as a pool sees it: small matrices from which every decision follows.
///
/// With `D = leftᵀ · diag(σ) · right` in singular vectors and the effective bases U and V:
/// `up = U · leftᵀ`, `down = V · rightᵀ`, so that `U·D·Vᵀ = up · diag(σ) · downᵀ`.
struct ItemModel: Sendable {
  /// The singular values, relative to the norm of the whole task's update.
  var values: [Double]
  /// `[upCount, rank]`.
  var up: Matrix
  /// `[downCount, rank]`.
  var down: Matrix

  /// The core that the whole basis gives, `[upCount, downCount]`, for orthonormal bases.
  var core: Matrix { up.scalingColumns(by: values).productTransposed(down) }
}

/// What an update takes from public pools.
struct PublicUse: Sendable {
  /// The rows of the effective basis of B, ascending.
  var rows: [Int]
  /// The rows of the effective basis of A, ascending.
  var columns: [Int]
  /// The core's type.
  var coreType: StoredType
}

/// What is decided about one update, apart from its private pairs.
struct ItemPlan: Sendable {
  /// What it takes from the pools; nil if nothing.
  var use: PublicUse?
  /// The squares of what is left to private pairs, descending.
  var energies: [Double]
  /// The squared error that rounding of pool and core makes.
  var error: Double
  /// The bytes of core, indices and records.
  var bytes: Double

  /// An update that takes nothing from pools.
  init(alone values: [Double]) {
    energies = values.map { $0 * $0 }
    error = 0
    bytes = 0
  }

  init(use: PublicUse, energies: [Double], error: Double, bytes: Double) {
    self.use = use
    self.energies = energies
    self.error = error
    self.bytes = bytes
  }
}

/// Decides what updates take from pools.
struct ItemPlanner: Sendable {
  let types: [StoredType]
  let means: FitMeans
  let pairs: PairPrice
  /// Bytes of one index, for each side.
  let indexBytes: (up: Int, down: Int)
  /// The bytes that the pools take in the record of a task that uses them.
  let poolListBytes: Double
  let isDiagonal: Bool
  let isSharded: Bool
  /// Squared error by rounding, relative to the squared core.
  let poolNoise: Double
  /// The bases' products with themselves; nil for orthonormal ones.
  let grams: (up: Matrix, down: Matrix)?

  /// The plan of an update at a price of squared error.
  func plan(_ model: ItemModel, price: Double) throws(FitError) -> ItemPlan {
    let alone = ItemPlan(alone: model.values)
    guard model.up.rows > 0, model.down.rows > 0 else { return alone }
    let whole = try core(of: model, Array(0..<model.up.rows), Array(0..<model.down.rows))
    let (rows, columns) = selection(whole, price: price)
    guard !rows.isEmpty, !columns.isEmpty else { return alone }
    let part =
      grams == nil || isDiagonal
      ? whole.rows(rows).columns(columns) : try core(of: model, rows, columns)
    let stored =
      isDiagonal
      ? Matrix(part.diagonal, rows: 1, columns: rows.count) : normalized(part, rows, columns)
    let corePlan = CorePlan(stored, types: types, price: price)
    var bytes = corePlan.bytes + Double(RecordCosts.publicTerm)
    if isSharded || !rows.isRun {
      bytes += Double(rows.count * indexBytes.up + RecordCosts.indexTable)
    }
    if isSharded || !columns.isRun {
      bytes += Double(columns.count * indexBytes.down + RecordCosts.indexTable)
    }
    let energies = try residual(model, part, rows, columns)
    let plan = ItemPlan(
      use: PublicUse(rows: rows, columns: columns, coreType: corePlan.type), energies: energies,
      error: corePlan.error + poolNoise * part.squaredNorm, bytes: bytes)
    guard means.contains(.subsetSelection) else { return plan }
    return cost(plan, price: price) + poolListBytes <= cost(alone, price: price) ? plan : alone
  }

  /// `price · error + bytes` of a plan with the best private pairs.
  func cost(_ plan: ItemPlan, price: Double) -> Double {
    let sums = sums(plan, price: price)
    return price * (sums.error + plan.error) + sums.bytes + plan.bytes
  }

  /// Error and bytes of the private pairs, or all of it as error where there may be none.
  func sums(_ plan: ItemPlan, price: Double) -> (error: Double, bytes: Double) {
    guard means.contains(.shardPrivatization) else { return (plan.energies.reduce(0, +), 0) }
    return pairs.sums(energies: plan.energies, price: price)
  }

  /// The core of some vectors of both bases: a projection onto orthonormal ones, else least
  /// squares.
  private func core(
    of model: ItemModel, _ rows: [Int], _ columns: [Int]
  ) throws(FitError) -> Matrix {
    let seen = model.core.rows(rows).columns(columns)
    guard let grams else { return seen }
    let (up, down) = (grams.up.rows(rows).columns(rows), grams.down.rows(columns).columns(columns))
    guard isDiagonal else { return try DenseCore.solve(seen, up, down) }
    return Matrix(diagonal: try DiagonalCore(up, down).gates(seen.diagonal))
  }

  /// A core of some vectors as it would be over vectors of the length 1: its rounding is then
  /// as wrong as the update.
  private func normalized(_ core: Matrix, _ rows: [Int], _ columns: [Int]) -> Matrix {
    guard let grams else { return core }
    return core.scalingColumns(by: columns.map { grams.down[$0, $0].squareRoot() })
      .transposed.scalingColumns(by: rows.map { grams.up[$0, $0].squareRoot() }).transposed
  }

  /// The rows and columns that pay for their part of the core.
  private func selection(_ whole: Matrix, price: Double) -> ([Int], [Int]) {
    let (rows, columns) = (Array(0..<whole.rows), Array(0..<whole.columns))
    guard means.contains(.subsetSelection), !isDiagonal else { return (rows, columns) }
    var selection = VectorSelection(
      of: normalized(whole, rows, columns), price: price,
      elementBytes: Double(types.first?.byteCount(length: 1_000_000) ?? 4_000_000) / 1_000_000,
      indexBytes: indexBytes)
    if !isSharded { selection.fillRuns() }
    return (selection.rows, selection.columns)
  }

  /// The squared singular values of `D − U_Iᵀ · S · V_J`.
  private func residual(
    _ model: ItemModel, _ part: Matrix, _ rows: [Int], _ columns: [Int]
  ) throws(FitError) -> [Double] {
    let (up, down) = (model.up.rows(rows), model.down.rows(columns))
    let rank = model.values.count
    do throws(DecompositionError) {
      let left: Matrix
      if let grams {
        left = try Self.rest(
          model.values, part, Self.root(of: up, grams.up.rows(rows).columns(rows)),
          Self.root(of: down, grams.down.rows(columns).columns(columns)))
      } else {
        left = try Self.rest(model.values, up, down)
      }
      let small =
        left.rows <= left.columns ? left.productTransposed(left) : left.transposedProduct(left)
      return try SymmetricEigen.values(of: small).prefix(2 * rank).map { max($0, 0) }
    } catch { throw .numerics(error.description) }
  }

  /// What orthonormal bases leave of an update, where the core is what they see of it.
  ///
  /// With `L = Uᵀ·X + N·F`, where X is what U sees of the left vectors and N is orthonormal, and
  /// likewise `R = Vᵀ·Y + M·G`, it is `[U N]·[0, X·σ·Gᵀ; F·σ·Yᵀ, F·σ·Gᵀ]·[V M]ᵀ`. A triangle
  /// stands for the long sides of `X·σ·Gᵀ` and of `F·σ·Yᵀ`, since only singular values count.
  private static func rest(
    _ values: [Double], _ up: Matrix, _ down: Matrix
  ) throws(DecompositionError) -> Matrix {
    let (f, g) = (try complement(of: up), try complement(of: down))
    let (scaledUp, scaledF) = (up.scalingColumns(by: values), f.scalingColumns(by: values))
    let across = try QRDecomposition.triangle(of: scaledUp.productTransposed(g))
    let along = try QRDecomposition.triangle(of: scaledF.productTransposed(down).transposed)
    let corner = scaledF.productTransposed(g)
    let (rank, above, before) = (values.count, across.rows, along.rows)
    var elements: [Double] = []
    elements.reserveCapacity((above + rank) * (before + rank))
    for row in 0..<above {
      elements += repeatElement(0, count: before)
      elements += across.row(row)
    }
    for row in 0..<rank {
      for column in 0..<before { elements.append(along[column, row]) }
      elements += corner.row(row)
    }
    return Matrix(elements, rows: above + rank, columns: before + rank)
  }

  /// F with `FᵀF = 1 − XᵀX`: what a basis does not see of orthonormal vectors.
  private static func complement(of seen: Matrix) throws(DecompositionError) -> Matrix {
    let rest = Matrix(identity: seen.columns).subtracting(seen.transposedProduct(seen))
    let eigen = try SymmetricEigen(of: rest)
    return eigen.vectors.scalingColumns(by: eigen.values.map { max($0, 0).squareRoot() })
      .transposed
  }

  /// What bases that are not orthonormal leave of an update.
  ///
  /// Both sides are written in the joint spans of the update's and the pool's vectors, whose
  /// products with themselves give their lengths and angles.
  private static func rest(
    _ values: [Double], _ part: Matrix, _ left: Matrix, _ right: Matrix
  ) -> Matrix {
    let rank = values.count
    var middle = Matrix(zeros: rank + part.rows, rank + part.columns)
    for index in 0..<rank { middle[index, index] = values[index] }
    for row in 0..<part.rows {
      for column in 0..<part.columns {
        middle[rank + row, rank + column] = -part[row, column]
      }
    }
    return left.transposedProduct(middle).product(right)
  }

  /// F with `F·Fᵀ` the products of the rows `[vectors of the update; vectors of the pool]`.
  private static func root(
    of seen: Matrix, _ gram: Matrix
  ) throws(DecompositionError) -> Matrix {
    let (rank, count) = (seen.columns, seen.rows)
    var joint = Matrix(zeros: rank + count, rank + count)
    for row in 0..<rank { joint[row, row] = 1 }
    for row in 0..<count {
      for column in 0..<rank {
        joint[rank + row, column] = seen[row, column]
        joint[column, rank + row] = seen[row, column]
      }
      for column in 0..<count { joint[rank + row, rank + column] = gram[row, column] }
    }
    let eigen = try SymmetricEigen(of: joint)
    return eigen.vectors.scalingColumns(by: eigen.values.map { max($0, 0).squareRoot() })
  }
}

extension Matrix {
  /// The elements `[i, i]`.
  var diagonal: [Double] { (0..<min(rows, columns)).map { self[$0, $0] } }
}
