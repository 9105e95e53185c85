import MopzBinding
import MopzBytes
import MopzLinearAlgebra
import MopzTensors

/// A matrix of the base as one variant of the model has it, given block by block.
///
/// What an adapter adds is either left to the activations, or formed here and rounded as a
/// merged file would hold it. Only the block that is asked for is ever formed.
struct WeightMatrix: Sendable {
  /// W₀: the base's tensor, or the adapter's value in its place.
  let tensor: Tensor
  let rows: Int
  let columns: Int
  /// Whether W₀ is the adapter's own, and so no other variant's.
  var isReplaced = false
  /// Deltas of full size, as many elements as W.
  var dense: [BoundDense] = []
  /// From a row's number to its place among `rowValues`.
  var rowPlaces: [Int: Int] = [:]
  var rowValues: Tensor?
  /// The low-rank part, if it is formed here.
  var product: LowRankProduct?
  /// DoRA's gains, if they are applied here.
  var rowGains: [Double]?
  var columnGains: [Double]?
  /// The element type that the result is rounded to; nil for none.
  var storedType: DType?

  init(_ tensor: Tensor) {
    self.tensor = tensor
    (rows, columns) = tensor.shape.matrix
  }

  /// Whether all variants have the same matrix.
  var isBase: Bool { isPlain && !isReplaced }

  /// Whether the elements are W₀ as it is.
  private var isPlain: Bool {
    dense.isEmpty && rowPlaces.isEmpty && product == nil && rowGains == nil && columnGains == nil
      && (storedType == nil || storedType == tensor.dtype)
  }

  /// A block, where it lies or formed.
  func tile(rows: Range<Int>, columns range: Range<Int>) -> WeightTile {
    isPlain
      ? WeightTile(
        tensor: tensor, first: rows.lowerBound * columns + range.lowerBound, rows: rows.count,
        columns: range.count, rowStride: columns)
      : formed(rows: rows, columns: range)
  }

  /// Copies a block to `target` in Float32, row by row.
  func copy(rows: Range<Int>, columns: Range<Int>, into target: Activations) {
    tile(rows: rows, columns: columns).copy(into: target)
  }

  /// `round(g · (W₀ + Σ dense + left · right))` in Float64.
  private func formed(rows: Range<Int>, columns range: Range<Int>) -> WeightTile {
    let type = storedType ?? .f32
    let (width, step) = (range.count, 16)
    var values = [Double](repeating: 0, count: min(step, rows.count) * width)
    let bytes = Bytes(byteCount: rows.count * width * (type.bitCount / 8)) { target in
      for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
        let part = first..<min(first + step, rows.upperBound)
        sum(rows: part, columns: range, into: &values)
        let start = (first - rows.lowerBound) * width
        var place = target._mutatingExtracting(
          start * (type.bitCount / 8)..<(start + part.count * width) * (type.bitCount / 8))
        ElementConversion.convert(
          values.span.extracting(0..<part.count * width).rawBytes, as: .f64, to: &place, as: type)
      }
    }
    return WeightTile(
      tensor: Tensor(dtype: type, shape: [rows.count, width], bytes: bytes), first: 0,
      rows: rows.count, columns: width, rowStride: width)
  }

  /// The sum before it is rounded.
  private func sum(rows: Range<Int>, columns range: Range<Int>, into values: inout [Double]) {
    let width = range.count
    var scratch = [Double](repeating: 0, count: width)
    for (index, row) in rows.enumerated() {
      let replaced = rowPlaces[row]
      let source = replaced == nil ? tensor : rowValues ?? tensor
      let first = (replaced ?? row) * columns
      var span = values.mutableSpan
      var target = span._mutatingExtracting(index * width..<(index + 1) * width)
      source.view.copyFloat64(
        into: &target, elements: first + range.lowerBound..<first + range.upperBound)
      for delta in dense {
        var part = scratch.mutableSpan
        let start = row * columns
        delta.tensor.view.copyFloat64(
          into: &part, elements: start + range.lowerBound..<start + range.upperBound)
        for c in 0..<width { values[index * width + c] += delta.scale * scratch[c] }
      }
    }
    if let product, product.rank > 0 {
      var span = values.mutableSpan
      MatrixProduct.multiply(
        MatrixView(
          product.left.span.extracting(rows.lowerBound..<product.left.count),
          rows: product.rank, columns: rows.count, rowStride: self.rows
        ).transposed,
        MatrixView(
          product.right.span.extracting(range.lowerBound..<product.right.count),
          rows: product.rank, columns: width, rowStride: columns),
        into: &span, beta: 1)
    }
    guard rowGains != nil || columnGains != nil else { return }
    for (index, row) in rows.enumerated() {
      for (place, column) in range.enumerated() {
        values[index * width + place] *= (rowGains?[row] ?? 1) * (columnGains?[column] ?? 1)
      }
    }
  }

  /// `‖V‖` of every row or column of `V = W₀ + left · right`, in Float64.
  func norms(_ orientation: WeightOrientation) -> [Double] {
    var squares = [Double](
      repeating: 0, count: orientation == .outputRows ? rows : columns)
    let step = 64
    var values = [Double](repeating: 0, count: min(step, rows) * columns)
    for first in stride(from: 0, to: rows, by: step) {
      let part = first..<min(first + step, rows)
      sum(rows: part, columns: 0..<columns, into: &values)
      for (index, row) in part.enumerated() {
        for c in 0..<columns {
          let value = values[index * columns + c]
          squares[orientation == .outputRows ? row : c] += value * value
        }
      }
    }
    return squares.map { $0.squareRoot() }
  }
}
