/// What a header says of a tensor: name, element type, shape.
public struct TensorInfo: Hashable, Sendable {
  /// The name, verbatim.
  public var name: String
  /// The type of the elements.
  public var dtype: DType
  /// The dimensions, slowest first.
  public var shape: Shape

  /// Makes a description from its parts.
  public init(name: String, dtype: DType, shape: Shape) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }
}
