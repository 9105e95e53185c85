import COpenBLAS

/// Products of matrices, through OpenBLAS.
///
/// One element of a product is a sum over the inner dimension whose order depends
/// on the library's kernel for the processor and on the sizes of the matrices.
/// Callers that need equal bits whatever their own number of threads divide the
/// work in a way that does not depend on it, and set ``setThreadCount(_:)`` to 1.
public enum MatrixProduct {
  /// Sets the number of threads that OpenBLAS itself uses for one product.
  ///
  /// The number holds for the whole process, from the next product on. Products
  /// may be worked out by several of our own threads at once whatever it is.
  /// The corresponding C function is `openblas_set_num_threads`.
  ///
  /// - Precondition: 1 to 1024.
  public static func setThreadCount(_ count: Int) {
    precondition((1...1024).contains(count))
    openblas_set_num_threads(CInt(count))
  }

  /// The number of threads that OpenBLAS uses for one product.
  ///
  /// The corresponding C function is `openblas_get_num_threads`.
  public static var threadCount: Int { Int(openblas_get_num_threads()) }

  /// The processor that OpenBLAS chose its kernels for, such as `Haswell`.
  ///
  /// The corresponding C function is `openblas_get_corename`.
  public static var kernelName: String {
    // SAFETY: the library returns a string constant, or null.
    guard let name = unsafe openblas_get_corename() else { return "" }
    return unsafe String(cString: name)
  }

  /// `C[rows, columns] = α · A[rows, inner] · B[inner, columns] + β · C`, in Float64.
  ///
  /// With β = 0 the former content of C does not matter. The corresponding C
  /// function is `cblas_dgemm`.
  ///
  /// - Parameters:
  ///   - c: The result, row-major.
  ///   - rowStride: From the start of one row of C to the next; `columns` if nil.
  /// - Precondition: The sizes agree, C fits its span, no size exceeds `Int32.max`.
  /// - Complexity: O(rows · inner · columns) multiply-adds.
  @_lifetime(c: copy c)
  public static func multiply(
    _ a: borrowing MatrixView<Double>, _ b: borrowing MatrixView<Double>,
    into c: inout MutableSpan<Double>, rowStride: Int? = nil, alpha: Double = 1, beta: Double = 0
  ) {
    let sizes = Sizes(a, b, count: c.count, rowStride: rowStride)
    guard sizes.hasElements else { return }
    // SAFETY: `Sizes` checked that the three matrices lie in their spans, which are valid for
    // the length of the call; a mutable span is exclusive, so C does not overlap A or B.
    unsafe a.elements.withUnsafeBufferPointer { pa in
      unsafe b.elements.withUnsafeBufferPointer { pb in
        unsafe c.withUnsafeMutableBufferPointer { pc in
          unsafe cblas_dgemm(
            CblasRowMajor, sizes.transA, sizes.transB, sizes.rows, sizes.columns, sizes.inner,
            alpha, pa.baseAddress, sizes.strideA, pb.baseAddress, sizes.strideB, beta,
            pc.baseAddress, sizes.strideC)
        }
      }
    }
  }

  /// `C[rows, columns] = α · A[rows, inner] · B[inner, columns] + β · C`, in Float32.
  ///
  /// As the product in Float64. The corresponding C function is `cblas_sgemm`.
  ///
  /// - Parameters:
  ///   - c: The result, row-major.
  ///   - rowStride: From the start of one row of C to the next; `columns` if nil.
  /// - Precondition: The sizes agree, C fits its span, no size exceeds `Int32.max`.
  /// - Complexity: O(rows · inner · columns) multiply-adds.
  @_lifetime(c: copy c)
  public static func multiply(
    _ a: borrowing MatrixView<Float>, _ b: borrowing MatrixView<Float>,
    into c: inout MutableSpan<Float>, rowStride: Int? = nil, alpha: Float = 1, beta: Float = 0
  ) {
    let sizes = Sizes(a, b, count: c.count, rowStride: rowStride)
    guard sizes.hasElements else { return }
    // SAFETY: as in the product in Float64.
    unsafe a.elements.withUnsafeBufferPointer { pa in
      unsafe b.elements.withUnsafeBufferPointer { pb in
        unsafe c.withUnsafeMutableBufferPointer { pc in
          unsafe cblas_sgemm(
            CblasRowMajor, sizes.transA, sizes.transB, sizes.rows, sizes.columns, sizes.inner,
            alpha, pa.baseAddress, sizes.strideA, pb.baseAddress, sizes.strideB, beta,
            pc.baseAddress, sizes.strideC)
        }
      }
    }
  }
}

/// The sizes of one product, checked against the matrices, as the C functions take them.
private struct Sizes {
  let rows: CInt
  let columns: CInt
  let inner: CInt
  let transA: CBLAS_TRANSPOSE
  let transB: CBLAS_TRANSPOSE
  let strideA: CInt
  let strideB: CInt
  let strideC: CInt

  var hasElements: Bool { rows > 0 && columns > 0 }

  init<Element>(
    _ a: borrowing MatrixView<Element>, _ b: borrowing MatrixView<Element>, count: Int,
    rowStride: Int?
  ) {
    precondition(a.columns == b.rows, "\(a.columns) columns meet \(b.rows) rows")
    let stride = rowStride ?? b.columns
    precondition(matrixFits(count, rows: a.rows, columns: b.columns, rowStride: stride))
    rows = CInt(a.rows)
    columns = CInt(b.columns)
    inner = CInt(a.columns)
    transA = a.isTransposed ? CblasTrans : CblasNoTrans
    transB = b.isTransposed ? CblasTrans : CblasNoTrans
    strideA = CInt(max(a.rowStride, 1))
    strideB = CInt(max(b.rowStride, 1))
    strideC = CInt(max(stride, 1))
  }
}
