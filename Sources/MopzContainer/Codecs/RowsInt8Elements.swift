import MopzBytes
import MopzTensors

/// Elements that are stored as integers of eight bits with a scale per row.
///
///     value[i, k] = round( f32(q[i, k]) · scale[i] )
///
/// - Specification: §6.6 of `spec/mopz.md`.
final class RowsInt8Elements: StoredElements {
  private let stored: Bytes
  private let dtype: DType
  private let columns: Int
  private let elementsOffset: Int
  private var position = 0

  /// Checks scales and padding.
  ///
  /// - Throws: ``ContainerError`` COD-7.
  init(_ info: BlockInfo, stored: Bytes, _ location: FormatLocation) throws(ContainerError) {
    let matrix = info.shape.matrix
    let span = stored.span
    for row in 0..<matrix.rows {
      guard Float(bitPattern: span.u32(4 * row)).isFinite else {
        throw .violation(.rowScales, location, .unknownCode(UInt64(span.u32(4 * row))))
      }
    }
    elementsOffset = RowsInt8.elementsOffset(rows: matrix.rows)
    guard span.extracting((4 * matrix.rows)..<elementsOffset).isAllZero else {
      throw .violation(.rowScales, location)
    }
    self.stored = stored
    dtype = info.dtype
    columns = matrix.columns
  }

  func decode(_ count: Int, into target: inout MutableRawSpan) {
    let stored = stored
    let span = stored.span
    let products = [Float](capacity: count) { output in
      var element = position
      while output.count < count {
        let row = element / columns
        let end = min((row + 1) * columns, position + count)
        let scale = Float(bitPattern: span.u32(4 * row))
        for index in element..<end {
          let quantum = Int8(bitPattern: span.u8(elementsOffset + index))
          output.append(Float(quantum) * scale)
        }
        element = end
      }
    }
    ElementConversion.convert(products.span.rawBytes, as: .f32, to: &target, as: dtype)
    position += count
  }
}
