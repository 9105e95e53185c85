import MopzLinearAlgebra
import MopzTestSupport
import Testing

@Suite("Matrix product")
struct MatrixProductTests {
  /// Whole numbers, so that every product and sum is exact in both types.
  private func wholeNumbers(_ count: Int, seed: UInt64) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Double(Int.random(in: -8...8, using: &generator)) }
  }

  private func transposed(_ elements: [Double], rows: Int, columns: Int) -> [Double] {
    (0..<columns).flatMap { column in (0..<rows).map { elements[$0 * columns + column] } }
  }

  /// `C[i, j] = Σ_k A[i, k] · B[k, j]`, read aloud.
  private func product(_ a: [Double], _ b: [Double], _ rows: Int, _ inner: Int, _ columns: Int)
    -> [Double]
  {
    var c = [Double](repeating: 0, count: rows * columns)
    for i in 0..<rows {
      for j in 0..<columns {
        for k in 0..<inner { c[i * columns + j] += a[i * inner + k] * b[k * columns + j] }
      }
    }
    return c
  }

  @Test(
    "products equal the sums of the definition, in both types and all orientations",
    arguments: [
      (1, 1, 1), (3, 5, 2), (7, 1, 9), (64, 16, 33), (65, 130, 129), (4, 0, 3), (0, 2, 2),
    ])
  func definition(rows: Int, inner: Int, columns: Int) {
    let a = wholeNumbers(rows * inner, seed: 1)
    let b = wholeNumbers(inner * columns, seed: 2)
    let expected = product(a, b, rows, inner, columns)
    let aTurned = transposed(a, rows: rows, columns: inner)
    let bTurned = transposed(b, rows: inner, columns: columns)
    for isTurned in [(false, false), (true, false), (false, true), (true, true)] {
      let doubleA = isTurned.0 ? aTurned : a
      let doubleB = isTurned.1 ? bTurned : b
      var found = [Double](repeating: .nan, count: rows * columns)
      var span = found.mutableSpan
      MatrixProduct.multiply(
        view(doubleA.span, rows, inner, isTurned.0), view(doubleB.span, inner, columns, isTurned.1),
        into: &span)
      #expect(found == expected)

      let (floatA, floatB) = (doubleA.map { Float($0) }, doubleB.map { Float($0) })
      var floats = [Float](repeating: .nan, count: rows * columns)
      var floatSpan = floats.mutableSpan
      MatrixProduct.multiply(
        view(floatA.span, rows, inner, isTurned.0), view(floatB.span, inner, columns, isTurned.1),
        into: &floatSpan)
      #expect(floats.map { Double($0) } == expected)
    }
  }

  @_lifetime(copy elements)
  private func view<Element: BitwiseCopyable>(
    _ elements: Span<Element>, _ rows: Int, _ columns: Int, _ isTurned: Bool
  ) -> MatrixView<Element> {
    isTurned
      ? MatrixView(elements, rows: columns, columns: rows).transposed
      : MatrixView(elements, rows: rows, columns: columns)
  }

  @Test("α, β and row strides are honoured, and nothing between rows is touched")
  func scalingAndStrides() {
    let a: [Double] = [1, 2, 99, 3, 4]  // [[1, 2], [3, 4]] with stride 3
    let b: [Double] = [5, 6, 7, 8]
    var c: [Double] = [1, 1, -7, 1, 1]
    var span = c.mutableSpan
    MatrixProduct.multiply(
      MatrixView(a.span, rows: 2, columns: 2, rowStride: 3),
      MatrixView(b.span, rows: 2, columns: 2),
      into: &span, rowStride: 3, alpha: 2, beta: 10)
    #expect(c == [48, 54, -7, 96, 110])
  }

  @Test("the bits do not depend on the number of BLAS threads for a block of rows")
  func threads() {
    let (rows, inner, columns) = (256, 16, 320)
    var generator = SeededGenerator(seed: 5)
    let a = (0..<rows * inner).map { _ in generator.nextBell() }
    let b = (0..<inner * columns).map { _ in generator.nextBell() }
    let results = [1, 2, 1].map { count in
      MatrixProduct.setThreadCount(count)
      #expect(MatrixProduct.threadCount == count)
      var c = [Double](repeating: 0, count: rows * columns)
      var span = c.mutableSpan
      MatrixProduct.multiply(
        MatrixView(a.span, rows: rows, columns: inner),
        MatrixView(b.span, rows: inner, columns: columns), into: &span)
      return c
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
    #expect(!MatrixProduct.kernelName.isEmpty)
  }

  @Test("sizes that disagree are a broken contract")
  func mismatch() async {
    await #expect(processExitsWith: .failure) {
      let a = [1.0, 2.0]
      var c = [0.0]
      var span = c.mutableSpan
      MatrixProduct.multiply(
        MatrixView(a.span, rows: 1, columns: 2), MatrixView(a.span, rows: 1, columns: 2),
        into: &span)
    }
    await #expect(processExitsWith: .failure) {
      let a = [1.0, 2.0]
      _ = MatrixView(a.span, rows: 2, columns: 2).rows
    }
  }
}
