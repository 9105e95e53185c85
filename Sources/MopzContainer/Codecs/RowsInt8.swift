import MopzBytes
public import MopzTensors

/// The codec rows-int8: integers of eight bits with a scale for each row.
///
///     value[i, k] = round( f32(q[i, k]) · scale[i] )
///
/// - Specification: §6.6 of `spec/mopz.md`.
public enum RowsInt8 {
  /// Where the elements start: after one f32 per row, padded to a multiple of 64.
  ///
  /// - Precondition: `rows` is at most 2^40.
  static func elementsOffset(rows: Int) -> Int { (4 * rows).aligned(to: 64) }

  /// Quantises a matrix: the scale of a row is its largest magnitude over 127.
  ///
  /// An element is off by half a scale at most, and by what rounding to `dtype` adds;
  /// what a reader gets is ``EncodedBlock/decoded()``.
  ///
  /// - Parameters:
  ///   - values: The elements, row-major.
  ///   - shape: Rows are the first dimension, columns the product of the others.
  ///   - dtype: The type of the tensor as readers see it: f32, f16 or bf16.
  /// - Returns: nil if a value is not finite, the shape has no dimension or no element, or
  ///   the codec cannot stand for the type.
  /// - Precondition: There are as many values as the shape says.
  /// - Complexity: O(n).
  public static func encoded(
    _ values: [Float], shape: Shape, as dtype: DType
  ) -> EncodedBlock? {
    precondition(values.count == shape.elementCount)
    guard shape.dimensionCount > 0, !values.isEmpty,
      BlockCodec.rowsInt8.permits(dtype, storedAs: .i8), values.allSatisfy(\.isFinite)
    else { return nil }
    let (rows, columns) = shape.matrix
    let start = elementsOffset(rows: rows)
    let bytes = Bytes(byteCount: start + values.count) { target in
      for row in 0..<rows {
        let elements = row * columns..<(row + 1) * columns
        let scale = scale(of: values[elements])
        target.put(scale.bitPattern, 4 * row)
        for index in elements {
          let quantum = quantum(of: values[index], scale: scale)
          target.put(UInt8(bitPattern: quantum), start + index)
        }
      }
    }
    return EncodedBlock(
      dtype: dtype, shape: shape, codec: .rowsInt8, storedDType: .i8, bytes: bytes)
  }

  /// The largest magnitude over 127, such that 127 times it is finite; 0 for zeros alone.
  private static func scale(of row: ArraySlice<Float>) -> Float {
    let largest = row.reduce(0) { max($0, $1.magnitude) }
    guard largest > 0 else { return 0 }
    var scale = max(largest / 127, .leastNonzeroMagnitude)
    while !(scale * 127).isFinite { scale = scale.nextDown }
    return scale
  }

  /// The element over the scale, to nearest, ties to even, within ±127.
  private static func quantum(of value: Float, scale: Float) -> Int8 {
    guard scale > 0 else { return 0 }
    let quotient = (value / scale).rounded(.toNearestOrEven)
    return Int8(max(-127, min(127, quotient)))
  }
}
