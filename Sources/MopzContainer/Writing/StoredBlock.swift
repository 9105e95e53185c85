import MopzBytes
import MopzDigest
import MopzTensors

/// A block as it will lie in a file: stored bytes, codec and hashes.
///
/// - Specification: §5.5 of `spec/mopz.md`.
struct StoredBlock: Sendable {
  var dtype: DType
  var shape: Shape
  var codec: BlockCodec
  var storedDType: DType
  /// The stored bytes, mapped where they lie in a source.
  var bytes: Bytes
  var logicalByteCount: Int
  var contentHash: Digest128
  var storedHash: Digest128

  /// A block that is stored as it is; one pass over its bytes gives both hashes.
  ///
  /// - Complexity: O(n).
  init(raw tensor: Tensor) {
    dtype = tensor.dtype
    shape = tensor.shape
    codec = .raw
    storedDType = tensor.dtype
    bytes = tensor.bytes
    logicalByteCount = tensor.bytes.count
    storedHash = XXH3.hash128(tensor.bytes.span)
    contentHash = ContentHash.hash(tensor.dtype, tensor.shape, bytes: storedHash)
  }

  /// A coded block whose logical bytes have been hashed.
  init(
    dtype: DType, shape: Shape, codec: BlockCodec, storedDType: DType, bytes: Bytes,
    logical: Bytes
  ) {
    self.dtype = dtype
    self.shape = shape
    self.codec = codec
    self.storedDType = storedDType
    self.bytes = bytes
    logicalByteCount = logical.count
    storedHash = XXH3.hash128(bytes.span)
    contentHash = ContentHash.hash(dtype, shape, bytes: XXH3.hash128(logical.span))
  }

  /// Whether another block is stored in the same way, with the same bytes.
  ///
  /// - Complexity: O(n).
  func isSame(as other: StoredBlock) -> Bool {
    dtype == other.dtype && shape == other.shape && codec == other.codec
      && storedDType == other.storedDType && bytes.span.hasSameBytes(as: other.bytes.span)
  }

  /// The alignment of the block in the file.
  var alignment: Int {
    bytes.count >= FormatConstants.largeBlockByteCount
      ? FormatConstants.largeBlockAlignment : FormatConstants.regionAlignment
  }

  /// The features that a reader of the block must know.
  var features: RequiredFeatures { codec.features(dtype, storedAs: storedDType) }

  /// The row of the block table, at an offset; an empty block lies nowhere.
  func row(offset: Int, firstDimension: Int) -> BlockRow {
    BlockRow(
      offset: UInt64(bytes.count == 0 ? 0 : offset), storedLength: UInt64(bytes.count),
      logicalLength: UInt64(logicalByteCount), dtype: dtype.rawValue, codec: codec.rawValue,
      storedDType: storedDType.rawValue, dimensionCount: UInt8(clamping: shape.dimensionCount),
      firstDimension: UInt32(clamping: firstDimension), contentHash: contentHash,
      storedHash: storedHash)
  }
}
