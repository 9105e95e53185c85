public import MopzBytes

extension Bytes {
  /// A matrix of elements, row-major, with rows and columns exchanged; bits are kept.
  ///
  /// - Parameter elementByteCount: 1, 2, 4 or 8.
  /// - Precondition: There are `rows · columns` elements.
  /// - Complexity: O(n); allocates as many bytes.
  public func transposed(rows: Int, columns: Int, elementByteCount: Int) -> Bytes {
    precondition(count == rows * columns * elementByteCount)
    return switch elementByteCount {
    case 1: transposed(rows, columns, of: UInt8.self)
    case 2: transposed(rows, columns, of: UInt16.self)
    case 4: transposed(rows, columns, of: UInt32.self)
    case 8: transposed(rows, columns, of: UInt64.self)
    default: preconditionFailure("elements of \(elementByteCount) bytes")
    }
  }

  /// Squares of this many elements a side stay in the cache while they are turned.
  private static var tileSide: Int { 32 }

  private func transposed<Element: FixedWidthInteger & BitwiseCopyable>(
    _ rows: Int, _ columns: Int, of type: Element.Type
  ) -> Bytes {
    let width = MemoryLayout<Element>.size
    return Bytes(byteCount: count) { target in
      for firstRow in stride(from: 0, to: rows, by: Self.tileSide) {
        let endRow = Swift.min(firstRow + Self.tileSide, rows)
        for firstColumn in stride(from: 0, to: columns, by: Self.tileSide) {
          let endColumn = Swift.min(firstColumn + Self.tileSide, columns)
          for row in firstRow..<endRow {
            for column in firstColumn..<endColumn {
              let element = span.loadLittleEndian(
                fromByteOffset: (row * columns + column) * width, as: type)
              target.storeLittleEndian(element, toByteOffset: (column * rows + row) * width)
            }
          }
        }
      }
    }
  }
}
