import MopzAdapters
import MopzLinearAlgebra
import MopzTensors

/// The update of one module as a product: `ΔW = upᵀ · down`.
struct UpdateFactors: Sendable {
  /// B transposed, with scaling and core, `[rank, out]`.
  let up: Matrix
  /// A `[rank, in]`.
  let down: Matrix

  /// The number of pairs, of all terms together.
  var rank: Int { up.rows }

  init(up: Matrix, down: Matrix) {
    self.up = up
    self.down = down
  }

  /// Expands the terms of a target.
  ///
  /// - Throws: ``FactorError``.
  /// - Complexity: O(rank · (out + in)).
  init(of target: TargetUpdate, in adapter: Adapter) throws(FactorError) {
    var (ups, downs): ([Double], [Double]) = ([], [])
    var (rank, outWidth, inWidth): (Int, Int?, Int?) = (0, nil, nil)
    for term in target.terms {
      let down = try adapter.expansion(ofFactor: term.down)
      let up = try adapter.expansion(ofFactor: term.up)
      guard outWidth ?? up.width == up.width, inWidth ?? down.width == down.width else {
        throw .malformed
      }
      (outWidth, inWidth) = (up.width, down.width)
      var left = Matrix(up.elements, rows: up.rank, columns: up.width)
      var right = Matrix(down.elements, rows: down.rank, columns: down.width)
      switch term.core {
      case .identity: break
      case .diagonal(let block):
        left = try left.transposed.scalingColumns(
          by: Self.numbers(block, count: up.rank, in: adapter)
        ).transposed
      case .dense(let block):
        let core = try Matrix(
          Self.numbers(block, count: up.rank * down.rank, in: adapter), rows: up.rank,
          columns: down.rank)
        left = core.transposedProduct(left)
      }
      guard left.rows == right.rows else { throw .malformed }
      if let block = term.outScaleBlock {
        left = try left.scalingColumns(by: Self.numbers(block, count: up.width, in: adapter))
      }
      if let block = term.inScaleBlock {
        right = try right.scalingColumns(by: Self.numbers(block, count: down.width, in: adapter))
      }
      ups += left.scaled(by: term.scaling).elements
      downs += right.elements
      rank += right.rows
    }
    up = Matrix(ups, rows: rank, columns: outWidth ?? 0)
    down = Matrix(downs, rows: rank, columns: inWidth ?? 0)
  }

  private static func numbers(
    _ block: Int, count: Int, in adapter: Adapter
  ) throws(FactorError) -> [Double] {
    guard adapter.blocks.indices.contains(block) else { throw .malformed }
    let tensor = adapter.blocks[block]
    guard let values = tensor.view.float64Elements() else {
      throw .unsupportedType(tensor.dtype)
    }
    guard values.count == count else { throw .malformed }
    return values
  }

  /// Whether all elements are finite.
  var isFinite: Bool { up.elements.allSatisfy(\.isFinite) && down.elements.allSatisfy(\.isFinite) }
}
