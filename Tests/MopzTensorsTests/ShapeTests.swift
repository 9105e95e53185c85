import MopzTensors
import Testing

@Suite("Shapes")
struct ShapeTests {
  @Test("the element count is the product, 1 for a scalar, 0 with a zero dimension")
  func elementCount() throws {
    #expect(Shape([]).elementCount == 1)
    #expect(Shape([7]).elementCount == 7)
    #expect(Shape([2, 3, 4]).elementCount == 24)
    #expect(Shape([2, 0, 4]).elementCount == 0)
    #expect(Shape([2, 3, 4]).dimensionCount == 3)
    #expect(Shape([2, 3]).description == "[2, 3]")
  }

  @Test("negative dimensions and products beyond Int are refused")
  func refused() {
    #expect(Shape(checking: [-1]) == nil)
    #expect(Shape(checking: [-1, 0]) == nil)
    #expect(Shape(checking: [.max, 2]) == nil)
    #expect(Shape(checking: [1 << 32, 1 << 31]) == nil)
    #expect(Shape(checking: [1 << 31, 1 << 31])?.elementCount == 1 << 62)
    #expect(Shape(checking: [.max])?.elementCount == .max)
  }

  @Test("a zero dimension does not hide an overflow of the others")
  func zeroHidesNothing() {
    #expect(Shape(checking: [0, .max, 2]) == nil)
    #expect(Shape(checking: [.max, 2, 0]) == nil)
    #expect(Shape(checking: [0, .max])?.elementCount == 0)
  }

  @Test("byte counts are whole and checked, for types below a byte too")
  func byteCounts() {
    #expect(Shape([3]).byteCount(of: .f32) == 12)
    #expect(Shape([3]).byteCount(of: .f4) == nil)
    #expect(Shape([4]).byteCount(of: .f4) == 2)
    #expect(Shape([4]).byteCount(of: .f6e2m3) == 3)
    #expect(Shape([2]).byteCount(of: .f6e3m2) == nil)
    #expect(Shape([0]).byteCount(of: .f6e3m2) == 0)
    #expect(Shape([1 << 58]).byteCount(of: .f64) == nil)
    #expect(Shape([1 << 56]).byteCount(of: .f64) == 1 << 59)
  }

  @Test("a shape is a matrix of its first dimension and the rest")
  func matrix() {
    #expect(Shape([]).matrix == (1, 1))
    #expect(Shape([5]).matrix == (5, 1))
    #expect(Shape([5, 2, 3]).matrix == (5, 6))
    #expect(Shape([0, 2]).matrix == (0, 2))
  }
}
