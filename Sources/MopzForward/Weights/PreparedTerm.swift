import MopzBinding
import MopzLinearAlgebra

/// A term as activations go through it: `Δy = s · ((x · inputᵀ) · core) · output`.
struct PreparedTerm: Sendable {
  let scaling: Float
  /// `[inputRank, width of x]`.
  let input: [Float]
  let inputRank: Int
  /// Where the rows of `input` come from; nil if they have no one place.
  let inputShards: InputShards?
  /// `[inputRank, outputRank]`; nil for the identity.
  let core: [Float]?
  /// `[outputRank, width of y]`.
  let output: [Float]
  let outputRank: Int

  /// - Parameter isForward: Whether `Δy = x · ΔWᵀ`; otherwise `Δy = x · ΔW`, for a matrix that
  ///   is used the other way round, such as an embedding that serves as a head.
  init(_ term: ExpandedTerm, isForward: Bool) {
    scaling = Float(term.scaling)
    if isForward {
      (input, inputRank) = (term.down.map { Float($0) }, term.downRank)
      (output, outputRank) = (term.up.map { Float($0) }, term.upRank)
      inputShards = term.downShards
      core = term.core.map { core in
        (0..<term.downRank * term.upRank).map { i in
          Float(core[i % term.upRank * term.downRank + i / term.upRank])
        }
      }
    } else {
      (input, inputRank) = (term.up.map { Float($0) }, term.upRank)
      (output, outputRank) = (term.down.map { Float($0) }, term.downRank)
      inputShards = term.upShards
      core = term.core.map { $0.map { Float($0) } }
    }
  }

  /// `z = (x · inputᵀ) · core`, `[rows, outputRank]`.
  func projected(_ x: Activations, rows: Range<Int>) -> [Float] {
    let view = x.matrix(rows: rows, columns: 0..<x.columns)
    return projected(view, rows: rows.count, width: x.columns)
  }

  private func projected(
    _ x: borrowing MatrixView<Float>, rows: Int, width: Int
  ) -> [Float] {
    var z = [Float](repeating: 0, count: rows * inputRank)
    var span = z.mutableSpan
    MatrixProduct.multiply(
      x, MatrixView(input.span, rows: inputRank, columns: width).transposed, into: &span)
    return mixed(z, rows: rows)
  }

  /// `z = input[:, id] · core` for each id: what one-hot rows of x would give.
  func selected(_ ids: [Int]) -> [Float] {
    let width = inputRank == 0 ? 0 : input.count / inputRank
    var z: [Float] = []
    z.reserveCapacity(ids.count * inputRank)
    for id in ids { for j in 0..<inputRank { z.append(input[j * width + id]) } }
    return mixed(z, rows: ids.count)
  }

  /// `z · core`, `[rows, outputRank]`.
  func mixed(_ z: [Float], rows: Int) -> [Float] {
    guard let core else { return z }
    var result = [Float](repeating: 0, count: rows * outputRank)
    var span = result.mutableSpan
    MatrixProduct.multiply(
      MatrixView(z.span, rows: rows, columns: inputRank),
      MatrixView(core.span, rows: inputRank, columns: outputRank), into: &span)
    return result
  }

  /// `y[rows, columns] += s · z · output[:, columns]`.
  func add(_ z: [Float], to y: Activations, rows: Range<Int>, at column: Int, _ columns: Range<Int>)
  {
    guard outputRank > 0, !rows.isEmpty, !columns.isEmpty else { return }
    let width = output.count / outputRank
    let place = column + columns.lowerBound..<column + columns.upperBound
    var block = y.mutableBlock(rows: rows, columns: place)
    MatrixProduct.multiply(
      MatrixView(z.span, rows: rows.count, columns: outputRank),
      MatrixView(
        output.span.extracting(columns.lowerBound..<output.count), rows: outputRank,
        columns: columns.count, rowStride: width),
      into: &block, rowStride: y.rowStride, alpha: scaling, beta: 1)
  }
}
