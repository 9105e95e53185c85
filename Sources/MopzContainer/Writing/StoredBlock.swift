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

  /// A coded block of a tensor whose content hash is known.
  ///
  /// - Complexity: O(stored bytes).
  init(_ encoded: EncodedBlock, contentHash: Digest128) {
    dtype = encoded.dtype
    shape = encoded.shape
    codec = encoded.codec
    storedDType = encoded.storedDType
    bytes = encoded.bytes
    logicalByteCount = encoded.info.logicalByteCount
    storedHash = XXH3.hash128(encoded.bytes.span)
    self.contentHash = contentHash
  }

  /// A block of a task, as its container has it.
  ///
  /// - Precondition: `index` is less than the task's `blockCount`.
  init(of task: MappedTask, at index: Int) {
    let row = task.reader.block(index)
    let info = task.blockInfo(at: index)
    dtype = info.dtype
    shape = info.shape
    codec = info.codec
    storedDType = info.storedDType
    bytes = task.storedBytes(ofBlock: index)
    logicalByteCount = info.logicalByteCount
    contentHash = row.contentHash
    storedHash = row.storedHash
  }

  /// The block in eight bits with a scale per row, or in a narrower type, where every bit comes
  /// back; else as it is.
  ///
  /// - Precondition: The block is raw.
  /// - Complexity: O(n).
  /// - Specification: §6.7 of `spec/mopz.md`.
  var narrowed: StoredBlock {
    let tensor = Tensor(dtype: dtype, shape: shape, bytes: bytes)
    if let encoded = RowsInt8.exactly(tensor) {
      return StoredBlock(encoded, contentHash: contentHash)
    }
    guard bytes.count > 0, let narrow = Narrowing.narrowed(tensor) else { return self }
    let encoded = EncodedBlock(
      dtype: dtype, shape: shape, codec: .raw, storedDType: narrow.dtype, bytes: narrow.bytes)
    return StoredBlock(encoded, contentHash: contentHash)
  }

  /// The block without its hashes.
  var encoded: EncodedBlock {
    EncodedBlock(
      dtype: dtype, shape: shape, codec: codec, storedDType: storedDType, bytes: bytes)
  }

  /// Whether the stored bytes are the logical ones.
  var isRaw: Bool { codec == .raw && storedDType == dtype }

  /// Whether another block is the same tensor, however it is stored (BLK-10).
  ///
  /// - Complexity: O(n); blocks that are stored differently are decoded.
  func isSame(as other: StoredBlock) -> Bool {
    guard dtype == other.dtype, shape == other.shape else { return false }
    if codec == other.codec, storedDType == other.storedDType,
      bytes.span.hasSameBytes(as: other.bytes.span)
    {
      return true
    }
    // Raw bytes that differ are different tensors; so is a block that cannot be decoded.
    guard !isRaw || !other.isRaw, let mine = try? encoded.decoded(),
      let others = try? other.encoded.decoded()
    else { return false }
    return mine.bytes.span.hasSameBytes(as: others.bytes.span)
  }

  /// The alignment of the block in the file.
  var alignment: Int { row(offset: 0, firstDimension: 0).alignment }

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
