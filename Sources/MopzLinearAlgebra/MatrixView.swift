/// A borrowed matrix: rows of a span, and whether it is read transposed.
///
/// Nothing is copied; it cannot outlive the span that it was made of.
public struct MatrixView<Element: BitwiseCopyable>: ~Escapable {
  let elements: Span<Element>
  let storedRows: Int
  let storedColumns: Int
  let rowStride: Int
  let isTransposed: Bool

  /// A matrix whose rows lie in order, `rowStride` elements from one start to the next.
  ///
  /// - Parameter rowStride: At least `columns`; `columns` if it is nil.
  /// - Precondition: No number is negative, and the last row ends within `elements`.
  @_lifetime(copy elements)
  public init(_ elements: Span<Element>, rows: Int, columns: Int, rowStride: Int? = nil) {
    let stride = rowStride ?? columns
    precondition(
      matrixFits(elements.count, rows: rows, columns: columns, rowStride: stride),
      "a matrix of \(rows) × \(columns) must fit \(elements.count) elements")
    self.elements = elements
    storedRows = rows
    storedColumns = columns
    self.rowStride = stride
    isTransposed = false
  }

  @_lifetime(copy elements)
  private init(
    elements: Span<Element>, rows: Int, columns: Int, rowStride: Int, isTransposed: Bool
  ) {
    self.elements = elements
    storedRows = rows
    storedColumns = columns
    self.rowStride = rowStride
    self.isTransposed = isTransposed
  }

  /// The number of rows, as read.
  public var rows: Int { isTransposed ? storedColumns : storedRows }

  /// The number of columns, as read.
  public var columns: Int { isTransposed ? storedRows : storedColumns }

  /// The same elements with rows and columns exchanged.
  public var transposed: MatrixView {
    @_lifetime(copy self)
    get {
      MatrixView(
        elements: elements, rows: storedRows, columns: storedColumns, rowStride: rowStride,
        isTransposed: !isTransposed)
    }
  }
}

/// Whether rows of a stride lie within a number of elements.
func matrixFits(_ count: Int, rows: Int, columns: Int, rowStride: Int) -> Bool {
  guard rows >= 0, columns >= 0, rowStride >= columns else { return false }
  guard rows > 0 else { return true }
  let (start, overflow) = (rows - 1).multipliedReportingOverflow(by: rowStride)
  guard !overflow else { return false }
  let (end, endOverflow) = start.addingReportingOverflow(columns)
  return !endOverflow && end <= count
}
