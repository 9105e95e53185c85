import MopzAdapters
import MopzBinding
import MopzLinearAlgebra

/// The low-rank part of a target's ΔW as one product in Float64, formed a tile at a time.
///
/// With R the sum of the ranks of all terms, in the base's own orientation:
/// `D[rows, columns] = rowVectors[R, rows]ᵀ · columnVectors[R, columns]`.
struct DeltaProduct: Sendable {
  let rows: Int
  let columns: Int
  private var rank = 0
  private var rowVectors: [Double] = []
  private var columnVectors: [Double] = []

  /// Whether there are no terms.
  var isEmpty: Bool { rank == 0 }

  init(of target: BoundTarget, adapters: [AppliedAdapter]) throws(VerificationError) {
    (rows, columns) = target.matrix
    for bound in target.terms {
      let adapter = adapters[bound.adapter].adapter
      do throws(FactorVectors.Flaw) {
        let parts = try TermVectors(bound.term, of: adapter)
        let multiplier = bound.term.scaling * bound.scale
        let up = parts.up.map { multiplier * $0 }
        rank += parts.rank
        switch target.orientation {
        case .outputRows:
          rowVectors += up
          columnVectors += parts.down
        case .outputColumns:
          rowVectors += parts.down
          columnVectors += up
        }
      } catch {
        throw .content(adapter: adapter.name, parameter: target.name, reason: error.reason)
      }
    }
    guard rowVectors.count == rank * rows, columnVectors.count == rank * columns else {
      throw .content(
        adapter: target.adapters.map { adapters[$0].name }.joined(separator: ", "),
        parameter: target.name, reason: "its factors do not fit \(rows) × \(columns)")
    }
  }

  /// Writes some rows of D to the front of `tile`; zeros if there are no terms.
  @_lifetime(tile: copy tile)
  func form(rows range: Range<Int>, into tile: inout MutableSpan<Double>) {
    let left = MatrixView(
      rowVectors.span.extracting((isEmpty ? 0 : range.lowerBound)...), rows: rank,
      columns: range.count, rowStride: isEmpty ? range.count : rows)
    let right = MatrixView(columnVectors.span, rows: rank, columns: columns)
    if isEmpty {
      for i in 0..<range.count * columns { tile[i] = 0 }
    } else {
      MatrixProduct.multiply(left.transposed, right, into: &tile)
    }
  }
}

/// A term as vectors: `Σ_j up[j] · down[j]ᵀ`, without its multiplier.
private struct TermVectors {
  /// The number of vectors on each side.
  let rank: Int
  /// Shape `[rank, out]`.
  private(set) var up: [Double]
  /// Shape `[rank, in]`.
  private(set) var down: [Double]

  /// `diag(u_out) · B̂ · C · Â · diag(u_in)`: the core goes to the side of B̂.
  init(_ term: Term, of adapter: Adapter) throws(FactorVectors.Flaw) {
    down = try FactorVectors.elements(of: term.down, in: adapter)
    up = try FactorVectors.elements(of: term.up, in: adapter)
    rank = adapter.factors[term.down].rank
    let upRank = adapter.factors[term.up].rank
    let width = adapter.factors[term.up].width
    switch term.core {
    case .identity:
      guard upRank == rank else { throw FactorVectors.Flaw(reason: "ranks \(upRank) and \(rank)") }
    case .diagonal(let block):
      let gates = try Self.numbers(block, count: rank, in: adapter)
      guard upRank == rank else { throw FactorVectors.Flaw(reason: "ranks \(upRank) and \(rank)") }
      for j in 0..<rank { for o in 0..<width { up[j * width + o] *= gates[j] } }
    case .dense(let block):
      // (B̂·C)ᵀ [rank of Â, out] = Cᵀ · B̂ᵀ, with C [rank of B̂, rank of Â].
      let core = try Self.numbers(block, count: upRank * rank, in: adapter)
      var mixed = [Double](repeating: 0, count: rank * width)
      var span = mixed.mutableSpan
      MatrixProduct.multiply(
        MatrixView(core.span, rows: upRank, columns: rank).transposed,
        MatrixView(up.span, rows: upRank, columns: width), into: &span)
      up = mixed
    }
    if let block = term.outScaleBlock {
      let scales = try Self.numbers(block, count: width, in: adapter)
      for i in up.indices { up[i] *= scales[i % width] }
    }
    if let block = term.inScaleBlock {
      let width = adapter.factors[term.down].width
      let scales = try Self.numbers(block, count: width, in: adapter)
      for i in down.indices { down[i] *= scales[i % width] }
    }
  }

  private static func numbers(
    _ block: Int, count: Int, in adapter: Adapter
  ) throws(FactorVectors.Flaw) -> [Double] {
    guard let values = StoredElements.all(of: adapter.blocks[block]), values.count == count else {
      throw FactorVectors.Flaw(reason: "block \(block) does not hold \(count) numbers")
    }
    return values
  }
}
