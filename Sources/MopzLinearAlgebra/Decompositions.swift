/// A matrix whose decomposition the library could not work out.
public enum DecompositionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// An iteration did not converge; the matrix may hold values that are not finite.
  case notConverged

  /// A lower-case clause.
  public var description: String { "the decomposition of a matrix did not converge" }
}

/// `A = Q·R`, with orthonormal columns of Q.
public struct QRDecomposition: Sendable {
  /// Q `[rows, min(rows, columns)]`.
  public let q: Matrix
  /// R `[min(rows, columns), columns]`, upper triangular.
  public let r: Matrix

  /// Decomposes a matrix.
  ///
  /// The corresponding functions are `dgeqrf` and `dorgqr`.
  ///
  /// - Throws: ``DecompositionError``.
  /// - Complexity: O(rows · columns · min(rows, columns)).
  public init(of a: Matrix) throws(DecompositionError) {
    let inner = min(a.rows, a.columns)
    guard inner > 0 else {
      q = Matrix(zeros: a.rows, 0)
      r = Matrix(zeros: 0, a.columns)
      return
    }
    var (columnMajor, tau) = (a.transposed.elements, [Double](repeating: 0, count: inner))
    guard LAPACK.factorQR(&columnMajor, rows: a.rows, columns: a.columns, tau: &tau) == 0 else {
      throw .notConverged
    }
    r = Self.upperTriangle(columnMajor, rows: a.rows, columns: a.columns)
    columnMajor.removeLast((a.columns - inner) * a.rows)
    guard LAPACK.formQ(&columnMajor, rows: a.rows, columns: inner, tau: tau) == 0 else {
      throw .notConverged
    }
    q = Matrix(columnMajor, rows: inner, columns: a.rows).transposed
  }

  /// R alone, without the work of forming Q.
  ///
  /// - Throws: ``DecompositionError``.
  public static func triangle(of a: Matrix) throws(DecompositionError) -> Matrix {
    let inner = min(a.rows, a.columns)
    guard inner > 0 else { return Matrix(zeros: 0, a.columns) }
    var (columnMajor, tau) = (a.transposed.elements, [Double](repeating: 0, count: inner))
    guard LAPACK.factorQR(&columnMajor, rows: a.rows, columns: a.columns, tau: &tau) == 0 else {
      throw .notConverged
    }
    return upperTriangle(columnMajor, rows: a.rows, columns: a.columns)
  }

  private static func upperTriangle(_ columnMajor: [Double], rows: Int, columns: Int) -> Matrix {
    let inner = min(rows, columns)
    var triangle = Matrix(zeros: inner, columns)
    for column in 0..<columns {
      for row in 0..<min(column + 1, inner) {
        triangle[row, column] = columnMajor[column * rows + row]
      }
    }
    return triangle
  }
}

/// `A = V·diag(values)·Vᵀ` of a symmetric matrix, the greatest eigenvalue first.
public struct SymmetricEigen: Sendable {
  /// The eigenvalues, descending.
  public let values: [Double]
  /// The eigenvectors as columns, in the order of the values.
  public let vectors: Matrix

  /// Decomposes a symmetric matrix.
  ///
  /// The corresponding function is `dsyevd`.
  ///
  /// - Throws: ``DecompositionError``.
  /// - Complexity: O(size³).
  public init(of a: Matrix) throws(DecompositionError) {
    precondition(a.rows == a.columns)
    let size = a.rows
    guard size > 0 else {
      values = []
      vectors = a
      return
    }
    var columnMajor = a.elements
    values = try Self.values(of: &columnMajor, size: size, vectors: true)
    vectors =
      Matrix(columnMajor, rows: size, columns: size)
      .rows(Array((0..<size).reversed())).transposed
  }

  /// The eigenvalues alone, descending, without the work of forming vectors.
  ///
  /// - Throws: ``DecompositionError``.
  /// - Complexity: O(size³), several times less than with vectors.
  public static func values(of a: Matrix) throws(DecompositionError) -> [Double] {
    precondition(a.rows == a.columns)
    var columnMajor = a.elements
    return a.rows == 0 ? [] : try values(of: &columnMajor, size: a.rows, vectors: false)
  }

  private static func values(
    of columnMajor: inout [Double], size: Int, vectors: Bool
  ) throws(DecompositionError) -> [Double] {
    var ascending = [Double](repeating: 0, count: size)
    guard
      LAPACK.eigen(&columnMajor, size: size, values: &ascending, vectors: vectors) == 0
    else { throw .notConverged }
    return ascending.reversed()
  }
}

/// `A = U·diag(values)·Vᵀ`, the greatest singular value first.
public struct SingularValues: Sendable {
  /// The singular values, descending.
  public let values: [Double]
  /// U `[rows, min(rows, columns)]`.
  public let left: Matrix
  /// V `[columns, min(rows, columns)]`.
  public let right: Matrix

  /// Decomposes a matrix.
  ///
  /// The corresponding function is `dgesdd`.
  ///
  /// - Throws: ``DecompositionError``.
  /// - Complexity: O(rows · columns · min(rows, columns)).
  public init(of a: Matrix) throws(DecompositionError) {
    let inner = min(a.rows, a.columns)
    guard inner > 0 else {
      values = []
      left = Matrix(zeros: a.rows, 0)
      right = Matrix(zeros: a.columns, 0)
      return
    }
    // The row-major elements are the column-major ones of the transpose, whose left vectors
    // are the right ones of the matrix itself.
    var elements = a.elements
    var found = [Double](repeating: 0, count: inner)
    var u = [Double](repeating: 0, count: a.columns * inner)
    var vt = [Double](repeating: 0, count: inner * a.rows)
    let info = LAPACK.singularValues(
      &elements, rows: a.columns, columns: a.rows, values: &found, left: &u, right: &vt)
    guard info == 0, found.allSatisfy(\.isFinite) else { throw .notConverged }
    values = found
    right = Matrix(u, rows: inner, columns: a.columns).transposed
    left = Matrix(vt, rows: a.rows, columns: inner)
  }
}
