public import MopzBytes

/// An immutable tensor: element type, shape, and bytes that may be mapped.
///
/// Copies share the bytes. Elements are row-major and little-endian.
public struct Tensor: Sendable {
  /// The type of the elements.
  public let dtype: DType
  /// The dimensions, slowest first.
  public let shape: Shape
  /// The elements, exactly `shape.byteCount(of: dtype)` bytes.
  public let bytes: Bytes

  /// Makes a tensor of bytes that lie elsewhere.
  ///
  /// - Precondition: `bytes.count` is what type and shape ask for.
  public init(dtype: DType, shape: Shape, bytes: Bytes) {
    precondition(
      shape.byteCount(of: dtype) == bytes.count,
      "a tensor's bytes must be as many as its type and shape ask for")
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  /// The tensor, borrowed.
  public var view: TensorView {
    @_lifetime(borrow self)
    get { TensorView(dtype: dtype, shape: shape, bytes: bytes.span) }
  }
}

/// A borrowed tensor: element type, shape and a span of bytes.
///
/// It cannot outlive the value that it was borrowed from; the compiler checks it.
public struct TensorView: ~Escapable {
  /// The type of the elements.
  public let dtype: DType
  /// The dimensions, slowest first.
  public let shape: Shape
  /// The elements, row-major and little-endian.
  public let bytes: RawSpan

  /// Makes a view of borrowed bytes.
  @_lifetime(copy bytes)
  public init(dtype: DType, shape: Shape, bytes: RawSpan) {
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }
}
