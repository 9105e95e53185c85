import MopzLinearAlgebra
import MopzTestSupport
import Testing

@Suite("Decompositions")
struct DecompositionTests {
  private func bells(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
    var generator = SeededGenerator(seed: seed)
    let elements = (0..<rows * columns).map { _ in generator.nextBell() }
    return Matrix(elements, rows: rows, columns: columns)
  }

  private func distance(_ a: Matrix, _ b: Matrix) -> Double {
    a.subtracting(b).elements.reduce(0) { max($0, abs($1)) }
  }

  private static let sizes = [(1, 1), (5, 5), (17, 4), (4, 17), (40, 40), (3, 0), (0, 3)]

  @Test("Q is orthonormal, R triangular, and their product the matrix", arguments: sizes)
  func qr(rows: Int, columns: Int) throws {
    let a = bells(rows, columns, seed: 1)
    let qr = try QRDecomposition(of: a)
    let inner = min(rows, columns)
    #expect(distance(qr.q.transposedProduct(qr.q), Matrix(identity: inner)) < 1e-13)
    #expect(distance(qr.q.product(qr.r), a) < 1e-13)
    for row in 0..<inner { for column in 0..<min(row, columns) { #expect(qr.r[row, column] == 0) } }
    #expect(try QRDecomposition.triangle(of: a) == qr.r)
    guard inner > 0 else { return }
    var wrong = qr.r
    wrong.elements[0] += 1e-9
    #expect(distance(qr.q.product(wrong), a) > 1e-12)
  }

  @Test("eigenvalues descend, and their vectors give the matrix back", arguments: [1, 2, 9, 40])
  func eigen(size: Int) throws {
    let factor = bells(size, size, seed: 2)
    let a = factor.productTransposed(factor)
    let eigen = try SymmetricEigen(of: a)
    #expect(eigen.values == eigen.values.sorted(by: >))
    let back = eigen.vectors.scalingColumns(by: eigen.values).productTransposed(eigen.vectors)
    #expect(distance(back, a) < 1e-12)
    let alone = try SymmetricEigen.values(of: a)
    #expect(zip(alone, eigen.values).allSatisfy { abs($0 - $1) < 1e-12 * eigen.values[0] })
    let order = eigen.vectors.columns(Array((0..<size).reversed()))
    if size > 1 {
      let wrong = order.scalingColumns(by: eigen.values).productTransposed(order)
      #expect(distance(wrong, a) > 1e-3)
    }
  }

  @Test(
    "a norm whose squares leave the range of Float64 is right",
    arguments: [1, 1e-300, 1e-320, 1e200, 0])
  func norm(size: Double) {
    let norm = Matrix([3 * size, -4 * size], rows: 1, columns: 2).norm
    #expect(abs(norm - 5 * size) <= 1e-3 * size)
    #expect(size == 0 || abs(norm - 5.01 * size) > 1e-3 * size)
    for element in [Double.nan, .infinity] {
      #expect(!Matrix([element, 3], rows: 1, columns: 2).norm.isFinite)
    }
  }

  @Test("rows and columns by number are those of the matrix")
  func selection() {
    let a = bells(4, 5, seed: 5)
    for numbers in [[2, 0, 3], [], [1, 1]] {
      let (rows, columns) = (a.rows(numbers), a.columns(numbers))
      for (place, number) in numbers.enumerated() {
        for index in 0..<5 { #expect(rows[place, index] == a[number, index]) }
        for index in 0..<4 { #expect(columns[index, place] == a[index, number]) }
      }
    }
    #expect(a.rows(1..<3) == a.rows([1, 2]) && a.columns(1..<4) == a.columns([1, 2, 3]))
    #expect(a.rows(0..<4) == a && a.columns(0..<5) == a && a.transposed.transposed == a)
    let factors = [2, -1, 0.5, 3.0]
    #expect(
      a.scalingRows(by: factors) == a.transposed.scalingColumns(by: factors).transposed)
    #expect(a.scalingRows(by: factors) != a)
  }

  @Test("singular values descend, and their vectors give the matrix back", arguments: sizes)
  func singular(rows: Int, columns: Int) throws {
    let a = bells(rows, columns, seed: 3)
    let svd = try SingularValues(of: a)
    let inner = min(rows, columns)
    #expect(svd.values == svd.values.sorted(by: >))
    #expect(svd.values.allSatisfy { $0 >= 0 })
    #expect(distance(svd.left.transposedProduct(svd.left), Matrix(identity: inner)) < 1e-13)
    #expect(distance(svd.right.transposedProduct(svd.right), Matrix(identity: inner)) < 1e-13)
    let back = svd.left.scalingColumns(by: svd.values).productTransposed(svd.right)
    #expect(distance(back, a) < 1e-13)
    if inner > 1 {
      let wrong = svd.left.scalingColumns(by: svd.values.reversed()).productTransposed(svd.right)
      #expect(distance(wrong, a) > 1e-3)
    }
  }

  @Test("a matrix without rank has singular values of nothing but zeros")
  func zero() throws {
    let svd = try SingularValues(of: Matrix(zeros: 6, 4))
    #expect(svd.values == [0, 0, 0, 0])
    #expect(try SymmetricEigen(of: Matrix(zeros: 3, 3)).values == [0, 0, 0])
  }

  @Test("values that are not finite are refused")
  func notFinite() {
    var a = bells(4, 4, seed: 4)
    a.elements[5] = .nan
    #expect(throws: DecompositionError.notConverged) { try SingularValues(of: a) }
  }
}
