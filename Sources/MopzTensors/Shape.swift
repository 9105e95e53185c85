/// The dimensions of a tensor, slowest first.
///
/// A shape that exists has an element count that fits `Int`; no dimension is
/// negative, and a zero dimension makes the count zero.
public struct Shape: Hashable, Sendable, CustomStringConvertible, ExpressibleByArrayLiteral {
  /// The dimensions, slowest first; empty for a scalar.
  public let dimensions: [Int]
  /// The product of the dimensions; 1 for a scalar.
  public let elementCount: Int

  /// The shape, or nil if a dimension is negative or the product of the
  /// non-zero dimensions exceeds `Int.max`.
  public init?(checking dimensions: [Int]) {
    var product = 1
    var hasZero = false
    for dimension in dimensions {
      guard dimension >= 0 else { return nil }
      if dimension == 0 {
        hasZero = true
        continue
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      guard !overflow else { return nil }
      product = next
    }
    self.dimensions = dimensions
    self.elementCount = hasZero ? 0 : product
  }

  /// The shape of dimensions that are known to be sound.
  ///
  /// - Precondition: As ``init(checking:)``, which is for numbers from a file.
  public init(_ dimensions: [Int]) {
    guard let shape = Shape(checking: dimensions) else {
      preconditionFailure("a shape's dimensions must be sound: \(dimensions)")
    }
    self = shape
  }

  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// The number of dimensions; 0 for a scalar. (*Rank* means an adapter's rank.)
  public var dimensionCount: Int { dimensions.count }

  /// The size along one dimension.
  public subscript(index: Int) -> Int { dimensions[index] }

  /// The shape as users read it, such as `[2048, 16]`.
  public var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }

  /// The number of bytes that elements of a type take, or nil if the bits are
  /// no whole number of bytes or overflow.
  public func byteCount(of dtype: DType) -> Int? {
    let (bits, overflow) = elementCount.multipliedReportingOverflow(by: dtype.bitCount)
    guard !overflow, bits % 8 == 0 else { return nil }
    return bits / 8
  }

  /// The shape as a matrix whose rows are the first dimension, `[first, rest]`.
  ///
  /// A scalar is `[1, 1]`, a vector `[n, 1]`.
  public var matrix: (rows: Int, columns: Int) {
    guard let first = dimensions.first else { return (1, 1) }
    return (first, dimensions.dropFirst().reduce(1, *))
  }
}
