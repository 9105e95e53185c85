public import MopzAdapters
public import MopzLinearAlgebra
import MopzTensors

/// The terms of a target as one product of two thin matrices in Float64.
///
///     ΔW[out, in] = upᵀ · down
///
/// The one reading of what tables say about an update: the fit reads its sources by it, and every
/// error is worked out by it, from the source's tables and from those that were stored. What it
/// judges is what lies between: pools, cores, private vectors and their rounding, of which it
/// shares nothing.
public struct UpdateProduct: Sendable {
  /// The vectors on the side of the outputs, shape `[rank, out]`.
  public let up: Matrix
  /// The vectors on the side of the inputs, shape `[rank, in]`.
  public let down: Matrix

  /// The number of pairs of vectors.
  public var rank: Int { up.rows }

  /// Whether all elements are finite.
  var isFinite: Bool { up.elements.allSatisfy(\.isFinite) && down.elements.allSatisfy(\.isFinite) }

  /// A product of vectors that exist.
  ///
  /// - Precondition: There are as many on both sides.
  public init(up: Matrix, down: Matrix) {
    precondition(up.rows == down.rows)
    self.up = up
    self.down = down
  }

  /// Expands the terms of a target; scalings go to the side of the outputs.
  ///
  /// - Throws: ``ProductError`` if the adapter's tables are unsound.
  /// - Complexity: O(rank · (in + out)) for identity and diagonal cores; a dense core is
  ///   multiplied with the longer side of its two.
  public init(of target: TargetUpdate, in adapter: Adapter) throws(ProductError) {
    var ups: [Double] = []
    var downs: [Double] = []
    var (rank, outFeatures, inFeatures) = (0, 0, 0)
    for term in target.terms {
      let part = try UpdateProduct(of: term, in: adapter)
      (outFeatures, inFeatures) = (part.up.columns, part.down.columns)
      rank += part.rank
      ups += part.up.elements
      downs += part.down.elements
    }
    guard ups.count == rank * outFeatures, downs.count == rank * inFeatures else {
      throw .factor(.malformed)
    }
    up = Matrix(ups, rows: rank, columns: outFeatures)
    down = Matrix(downs, rows: rank, columns: inFeatures)
  }

  /// `s · diag(u_out) · B · C · A · diag(u_in)` with the core on the side that it makes shorter.
  private init(of term: Term, in adapter: Adapter) throws(ProductError) {
    var up = try Self.vectors(of: term.up, in: adapter)
    var down = try Self.vectors(of: term.down, in: adapter)
    if let block = term.outScaleBlock {
      up = up.scalingColumns(by: try Self.numbers(block, count: up.columns, in: adapter))
    }
    if let block = term.inScaleBlock {
      down = down.scalingColumns(by: try Self.numbers(block, count: down.columns, in: adapter))
    }
    switch term.core {
    case .identity: break
    case .diagonal(let block):
      let gates = try Self.numbers(block, count: up.rows, in: adapter)
      up = up.scalingRows(by: gates)
    case .dense(let block):
      let numbers = try Self.numbers(block, count: up.rows * down.rows, in: adapter)
      let core = Matrix(numbers, rows: up.rows, columns: down.rows)
      if down.rows <= up.rows {
        up = core.transposedProduct(up)
      } else {
        down = core.product(down)
      }
    }
    guard up.rows == down.rows else { throw .factor(.malformed) }
    self.up = up.scaled(by: term.scaling)
    self.down = down
  }

  private static func vectors(
    of factor: Int, in adapter: Adapter
  ) throws(ProductError) -> Matrix {
    do throws(FactorError) {
      let expansion = try adapter.expansion(ofFactor: factor)
      return Matrix(expansion.elements, rows: expansion.rank, columns: expansion.width)
    } catch {
      throw .factor(error)
    }
  }

  private static func numbers(
    _ block: Int, count: Int, in adapter: Adapter
  ) throws(ProductError) -> [Double] {
    guard adapter.blocks.indices.contains(block) else { throw .factor(.malformed) }
    let tensor = adapter.blocks[block]
    guard let values = tensor.view.float64Elements() else {
      throw .factor(.unsupportedType(tensor.dtype))
    }
    guard values.count == count else { throw .factor(.malformed) }
    return values
  }
}

/// A reason for which an update has no product, or its norm is not known.
public enum ProductError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A table of the adapter is unsound.
  case factor(FactorError)
  /// A decomposition failed; some value may not be finite.
  case decomposition(DecompositionError)

  /// A lower-case clause.
  public var description: String {
    switch self {
    case .factor(let error): error.description
    case .decomposition(let error): error.description
    }
  }

  static func decomposing<Result>(
    _ body: () throws(DecompositionError) -> Result
  ) throws(ProductError) -> Result {
    do throws(DecompositionError) { return try body() } catch { throw .decomposition(error) }
  }
}
