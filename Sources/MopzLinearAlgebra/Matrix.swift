/// A dense matrix of Float64, row-major.
///
/// ```swift
/// let gram = factor.transposedProduct(factor)  // factorᵀ · factor
/// ```
public struct Matrix: Hashable, Sendable {
  /// The number of rows.
  public let rows: Int
  /// The number of columns.
  public let columns: Int
  /// Element `[i, j]` is number `i · columns + j`.
  public var elements: [Double]

  /// A matrix of elements that exist.
  ///
  /// - Precondition: There are `rows · columns` of them.
  public init(_ elements: [Double], rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0 && elements.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  /// A matrix of zeros.
  public init(zeros rows: Int, _ columns: Int) {
    self.init([Double](repeating: 0, count: rows * columns), rows: rows, columns: columns)
  }

  /// The identity.
  public init(identity size: Int) {
    self.init(zeros: size, size)
    for index in 0..<size { self[index, index] = 1 }
  }

  /// A square matrix with the given diagonal and zeros elsewhere.
  public init(diagonal: [Double]) {
    self.init(zeros: diagonal.count, diagonal.count)
    for (index, value) in diagonal.enumerated() { self[index, index] = value }
  }

  /// One element.
  public subscript(row: Int, column: Int) -> Double {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  /// The sum of the squares of all elements.
  public var squaredNorm: Double { elements.reduce(0) { $0 + $1 * $1 } }

  /// The Frobenius norm, also where the squares of elements leave the range of Float64.
  public var norm: Double {
    let greatest = elements.reduce(0) { max($0, abs($1)) }
    guard greatest > 0, greatest.isFinite else { return squaredNorm.squareRoot() }
    // A power of two, which changes no digit.
    let unit = Double(sign: .plus, exponent: greatest.exponent, significand: 1)
    return unit
      * elements.reduce(0) { sum, element in
        let part = element / unit
        return sum + part * part
      }.squareRoot()
  }

  /// Rows and columns exchanged.
  public var transposed: Matrix {
    var result = Matrix(zeros: columns, rows)
    let source = elements.span
    var target = result.elements.mutableSpan
    for row in 0..<rows {
      for column in 0..<columns { target[column * rows + row] = source[row * columns + column] }
    }
    return result
  }

  /// The columns with the given numbers, in their order.
  ///
  /// Arrays and ranges are told apart, as a generic collection would cost a dynamic call for
  /// each element.
  public func columns(_ numbers: [Int]) -> Matrix {
    var result = Matrix(zeros: rows, numbers.count)
    let source = elements.span
    var target = result.elements.mutableSpan
    var place = 0
    for row in 0..<rows {
      for column in numbers {
        target[place] = source[row * columns + column]
        place += 1
      }
    }
    return result
  }

  /// Consecutive columns.
  public func columns(_ numbers: Range<Int>) -> Matrix {
    guard numbers != 0..<columns else { return self }
    var elements: [Double] = []
    elements.reserveCapacity(rows * numbers.count)
    for row in 0..<rows {
      let start = row * columns
      elements += self.elements[(start + numbers.lowerBound)..<(start + numbers.upperBound)]
    }
    return Matrix(elements, rows: rows, columns: numbers.count)
  }

  /// The rows with the given numbers, in their order.
  public func rows(_ numbers: [Int]) -> Matrix {
    var elements: [Double] = []
    elements.reserveCapacity(numbers.count * columns)
    for row in numbers { elements += self.elements[row * columns..<(row + 1) * columns] }
    return Matrix(elements, rows: numbers.count, columns: columns)
  }

  /// Consecutive rows.
  public func rows(_ numbers: Range<Int>) -> Matrix {
    guard numbers != 0..<rows else { return self }
    return Matrix(
      Array(elements[(numbers.lowerBound * columns)..<(numbers.upperBound * columns)]),
      rows: numbers.count, columns: columns)
  }

  /// One column.
  public func column(_ number: Int) -> [Double] { (0..<rows).map { self[$0, number] } }

  /// Each column multiplied by its number.
  public func scalingColumns(by factors: [Double]) -> Matrix {
    precondition(factors.count == columns)
    var result = self
    var target = result.elements.mutableSpan
    for row in 0..<rows {
      for column in 0..<columns { target[row * columns + column] *= factors[column] }
    }
    return result
  }

  /// Each row multiplied by its number.
  public func scalingRows(by factors: [Double]) -> Matrix {
    precondition(factors.count == rows)
    var result = self
    var target = result.elements.mutableSpan
    for row in 0..<rows {
      for column in 0..<columns { target[row * columns + column] *= factors[row] }
    }
    return result
  }

  /// Every element multiplied by a number.
  public func scaled(by factor: Double) -> Matrix {
    Matrix(elements.map { $0 * factor }, rows: rows, columns: columns)
  }

  /// `self · other`.
  public func product(_ other: Matrix) -> Matrix { Matrix(productOf: view, other.view) }

  /// `selfᵀ · other`.
  public func transposedProduct(_ other: Matrix) -> Matrix {
    Matrix(productOf: view.transposed, other.view)
  }

  /// `self · otherᵀ`.
  public func productTransposed(_ other: Matrix) -> Matrix {
    Matrix(productOf: view, other.view.transposed)
  }

  private init(productOf a: borrowing MatrixView<Double>, _ b: borrowing MatrixView<Double>) {
    self.init(zeros: a.rows, b.columns)
    var span = elements.mutableSpan
    MatrixProduct.multiply(a, b, into: &span)
  }

  private var view: MatrixView<Double> {
    @_lifetime(borrow self)
    get {
      let span = elements.span
      return MatrixView(span, rows: rows, columns: columns)
    }
  }

  /// `self − other`.
  public func subtracting(_ other: Matrix) -> Matrix {
    precondition(rows == other.rows && columns == other.columns)
    var result = self
    for index in elements.indices { result.elements[index] -= other.elements[index] }
    return result
  }
}
