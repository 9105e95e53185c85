public import MopzBytes
public import MopzTensors

extension Tensor {
  /// A tensor of numbers, rounded to nearest even.
  public init(_ numbers: [Double], shape: Shape, dtype: DType) {
    precondition(numbers.count == shape.elementCount)
    let bytes = Bytes(byteCount: numbers.count * dtype.bitCount / 8) { target in
      ElementConversion.convert(numbers.span.rawBytes, as: .f64, to: &target, as: dtype)
    }
    self.init(dtype: dtype, shape: shape, bytes: bytes)
  }

  /// A tensor of roughly bell-shaped numbers around 0.
  public init(
    shape: Shape, dtype: DType, size: Double, using generator: inout SeededGenerator
  ) {
    let numbers = (0..<shape.elementCount).map { _ in generator.nextBell() * size }
    self.init(numbers, shape: shape, dtype: dtype)
  }

  /// All elements.
  public var numbers: [Double] { view.float64Elements() ?? [] }
}
