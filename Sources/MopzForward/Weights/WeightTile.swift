import MopzBytes
import MopzLinearAlgebra
import MopzTensors

/// A block of a weight matrix in the type in which it is stored: part of a mapped tensor, or
/// formed in memory.
struct WeightTile: Sendable {
  let tensor: Tensor
  /// The first element of the block within the tensor.
  let first: Int
  let rows: Int
  let columns: Int
  /// From the start of one row to the next.
  let rowStride: Int

  private var end: Int { rows == 0 ? first : first + (rows - 1) * rowStride + columns }

  /// The part of the block over some inputs.
  func part(inner: Range<Int>, isTransposed: Bool) -> WeightTile {
    precondition(inner.lowerBound >= 0 && inner.upperBound <= (isTransposed ? rows : columns))
    return WeightTile(
      tensor: tensor, first: first + inner.lowerBound * (isTransposed ? rowStride : 1),
      rows: isTransposed ? inner.count : rows, columns: isTransposed ? columns : inner.count,
      rowStride: rowStride)
  }

  /// The block as a split product takes it.
  ///
  /// - Precondition: The type has whole bytes.
  @_lifetime(borrow self)
  func block(isTransposed: Bool) -> WeightBlock {
    let width = tensor.dtype.bitCount / 8
    return WeightBlock(
      tensor.bytes.span.extracting(first * width..<end * width), dtype: tensor.dtype, rows: rows,
      columns: columns, rowStride: rowStride, isTransposed: isTransposed)
  }

  /// Whether the elements are Float32 that can be used where they lie.
  var isInPlace: Bool { tensor.hasAlignedFloats }

  /// The elements from the first to the last of the block.
  ///
  /// - Precondition: ``isInPlace``.
  var floats: Span<Float> {
    @_lifetime(borrow self)
    get { tensor.floats(first..<end) }
  }

  /// Copies the block to the front of `target` in Float32, row by row.
  func copy(into target: Activations) {
    precondition(target.rows >= rows && target.columns == columns)
    if rowStride == columns {
      var span = target.mutableBlock(rows: 0..<rows, columns: 0..<columns)
      tensor.view.copyFloat32(into: &span, elements: first..<end)
      return
    }
    for row in 0..<rows {
      var span = target.mutableRow(row)
      let start = first + row * rowStride
      tensor.view.copyFloat32(into: &span, elements: start..<start + columns)
    }
  }
}
