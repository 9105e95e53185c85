import COpenBLAS

/// The calls of LAPACK, on column-major arrays of Float64.
///
/// Each returns the library's `info`: 0 if it succeeded, positive if an iteration did not
/// converge. The arrays are checked against the sizes before the call.
enum LAPACK {
  /// `A = Q·R` in place; the corresponding function is `dgeqrf`.
  static func factorQR(_ a: inout [Double], rows: Int, columns: Int, tau: inout [Double]) -> Int {
    precondition(a.count == rows * columns && tau.count == min(rows, columns))
    return withWorkspace { work, size, info in
      var (m, n, stride) = (CInt(rows), CInt(columns), CInt(max(rows, 1)))
      unsafe dgeqrf_(&m, &n, &a, &stride, &tau, &work, &size, &info)
    }
  }

  /// The first columns of Q, in place; the corresponding function is `dorgqr`.
  static func formQ(_ a: inout [Double], rows: Int, columns: Int, tau: [Double]) -> Int {
    precondition(a.count == rows * columns && tau.count == columns && columns <= rows)
    return withWorkspace { work, size, info in
      var (m, n, stride) = (CInt(rows), CInt(columns), CInt(max(rows, 1)))
      var k = n
      unsafe dorgqr_(&m, &n, &k, &a, &stride, tau, &work, &size, &info)
    }
  }

  /// Eigenvalues, ascending, and on request eigenvectors in place; the corresponding function
  /// is `dsyevd`.
  static func eigen(
    _ a: inout [Double], size: Int, values: inout [Double], vectors: Bool
  ) -> Int {
    precondition(a.count == size * size && values.count == size)
    // The sizes of the workspaces are those of the reference's documentation.
    var integers = [CInt](repeating: 0, count: 3 + 5 * size)
    var integerCount = CInt(integers.count)
    var work = [Double](repeating: 0, count: 1 + 6 * size + 2 * size * size)
    var workCount = CInt(work.count)
    var (n, stride, info) = (CInt(size), CInt(max(size, 1)), CInt(0))
    // SAFETY: the arrays are as large as the sizes say, which was checked or made so above.
    unsafe dsyevd_(
      vectors ? "V" : "N", "U", &n, &a, &stride, &values, &work, &workCount, &integers,
      &integerCount, &info, 1, 1)
    return Int(info)
  }

  /// `A = U·diag(s)·Vt`, economy size; the corresponding function is `dgesdd`.
  static func singularValues(
    _ a: inout [Double], rows: Int, columns: Int, values: inout [Double], left: inout [Double],
    right: inout [Double]
  ) -> Int {
    let inner = min(rows, columns)
    precondition(a.count == rows * columns && values.count == inner)
    precondition(left.count == rows * inner && right.count == inner * columns)
    var integers = [CInt](repeating: 0, count: max(8 * inner, 1))
    return withWorkspace { work, size, info in
      var (m, n, k) = (CInt(rows), CInt(columns), CInt(max(inner, 1)))
      var stride = CInt(max(rows, 1))
      unsafe dgesdd_(
        "S", &m, &n, &a, &stride, &values, &left, &stride, &right, &k, &work, &size, &integers,
        &info, 1)
    }
  }

  /// Calls a function twice: for the size of its workspace, then for the work.
  ///
  /// SAFETY: the functions write nothing but the first element of the workspace if its size is
  /// given as −1; the second time the array is as large as they asked for. The other arrays
  /// were checked by the callers.
  private static func withWorkspace(
    _ call: (inout [Double], inout CInt, inout CInt) -> Void
  ) -> Int {
    var (size, info) = (CInt(-1), CInt(0))
    var work = [0.0]
    call(&work, &size, &info)
    guard info == 0 else { return Int(info) }
    size = CInt(max(work[0], 1))
    work = [Double](repeating: 0, count: Int(size))
    call(&work, &size, &info)
    return Int(info)
  }
}
