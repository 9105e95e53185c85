public import MopzTensors

/// A borrowed block of a weight matrix in the type in which it is stored.
///
/// Nothing is copied; it cannot outlive the bytes that it was made of.
public struct WeightBlock: ~Escapable {
  let bytes: RawSpan
  let dtype: DType
  let rows: Int
  let columns: Int
  let rowStride: Int
  /// Whether the stored rows are inputs and the columns are outputs.
  let isTransposed: Bool

  /// A block whose rows lie in order, `rowStride` elements from one start to the next.
  ///
  /// - Parameters:
  ///   - bytes: From the first element of the block on.
  ///   - isTransposed: False for `[outputs, inner]`, true for `[inner, outputs]`.
  /// - Precondition: No number is negative, elements are whole bytes, and the last row ends
  ///   within `bytes`.
  @_lifetime(copy bytes)
  public init(
    _ bytes: RawSpan, dtype: DType, rows: Int, columns: Int, rowStride: Int,
    isTransposed: Bool = false
  ) {
    precondition(dtype.bitCount % 8 == 0)
    precondition(
      matrixFits(
        bytes.byteCount / (dtype.bitCount / 8), rows: rows, columns: columns,
        rowStride: rowStride),
      "a block of \(rows) × \(columns) must fit \(bytes.byteCount) bytes")
    self.bytes = bytes
    self.dtype = dtype
    self.rows = rows
    self.columns = columns
    self.rowStride = rowStride
    self.isTransposed = isTransposed
  }

  /// The number of outputs.
  public var outputs: Int { isTransposed ? columns : rows }

  /// The number of inputs.
  public var inner: Int { isTransposed ? rows : columns }
}
