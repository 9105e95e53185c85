import MopzBytes
import MopzTensors

/// Tensors that the codec gives back bit by bit.
extension RowsInt8 {
  /// A tensor whose rows are whole multiples, up to 127, of a number each; nil if one is not,
  /// or if the codec would not make it shorter.
  ///
  /// A fit that rounds its values so need not say how: the steps are found again.
  ///
  /// - Complexity: O(n) for a tensor of this form; as a rule an early element ends it for others.
  static func exactly(_ tensor: Tensor) -> EncodedBlock? {
    let (rows, columns) = tensor.shape.matrix
    let start = elementsOffset(rows: rows)
    guard tensor.dtype == .f32, tensor.shape.dimensionCount > 0, rows > 0, columns > 0,
      start + rows * columns < tensor.bytes.count
    else { return nil }
    let source = tensor.bytes
    var scales: [Float] = []
    for row in 0..<rows {
      guard let scale = step(of: source.span, row * columns..<(row + 1) * columns) else {
        return nil
      }
      scales.append(scale)
    }
    let bytes = Bytes(byteCount: start + rows * columns) { target in
      for (row, scale) in scales.enumerated() {
        target.put(scale.bitPattern, 4 * row)
        for index in row * columns..<(row + 1) * columns {
          let quantum = multiple(source.span.u32(4 * index), of: scale) ?? 0
          target.put(UInt8(bitPattern: quantum), start + index)
        }
      }
    }
    return EncodedBlock(
      dtype: .f32, shape: tensor.shape, codec: .rowsInt8, storedDType: .i8, bytes: bytes)
  }

  /// The number of which all elements of a row are multiples; 0 for zeros alone.
  private static func step(of span: RawSpan, _ row: Range<Int>) -> Float? {
    var largest: Float = 0
    for index in row {
      let magnitude = Float(bitPattern: span.u32(4 * index)).magnitude
      guard magnitude.isFinite else { return nil }
      largest = max(largest, magnitude)
    }
    for count in stride(from: 127, through: 1, by: -1) {
      let scale = largest / Float(count)
      if row.allSatisfy({ multiple(span.u32(4 * $0), of: scale) != nil }) { return scale }
    }
    return nil
  }

  /// The whole number that gives an element back with all its bits.
  private static func multiple(_ bits: UInt32, of scale: Float) -> Int8? {
    let quotient = (Float(bitPattern: bits) / scale).rounded(.toNearestOrEven)
    // Zeros over a scale of zero are no number.
    let quantum = quotient.magnitude <= 127 ? quotient : 0
    return (quantum * scale + 0).bitPattern == bits ? Int8(quantum) : nil
  }
}
