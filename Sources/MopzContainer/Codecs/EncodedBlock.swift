public import MopzBytes
public import MopzTensors

/// A tensor as a codec stores it.
///
/// - Specification: §6 of `spec/mopz.md`.
public struct EncodedBlock: Sendable {
  /// The type of the tensor's elements.
  public let dtype: DType
  /// The tensor's dimensions.
  public let shape: Shape
  /// How the bytes are made.
  public let codec: BlockCodec
  /// The type in which the elements are stored.
  public let storedDType: DType
  /// The stored bytes.
  public let bytes: Bytes

  init(dtype: DType, shape: Shape, codec: BlockCodec, storedDType: DType, bytes: Bytes) {
    self.dtype = dtype
    self.shape = shape
    self.codec = codec
    self.storedDType = storedDType
    self.bytes = bytes
  }

  /// The tensor that a reader gets.
  ///
  /// - Complexity: O(n).
  public func decoded() throws(ContainerError) -> Tensor {
    if codec == .raw, dtype == storedDType {
      return Tensor(dtype: dtype, shape: shape, bytes: bytes)
    }
    let decoder = try BlockDecoder(info, stored: bytes, .file)
    return Tensor(dtype: dtype, shape: shape, bytes: try decoder.decoded())
  }

  /// What a record would say of the block, without its place.
  var info: BlockInfo {
    BlockInfo(
      range: 0..<bytes.count, logicalByteCount: shape.byteCount(of: dtype) ?? 0, dtype: dtype,
      storedDType: storedDType, shape: shape, codec: codec)
  }
}
