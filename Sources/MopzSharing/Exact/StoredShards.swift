import MopzBytes
import MopzDigest
public import MopzTensors

/// A block of shards that a container has already: what equals one of them need not be stored.
public struct StoredShards: Sendable {
  /// The shards, `[count, length]`.
  let block: Tensor

  /// Takes the rows of a block for shards.
  ///
  /// - Returns: Nil if the block is no matrix of numbers with a row.
  public init?(_ block: Tensor) {
    guard block.shape.dimensionCount == 2, block.shape.elementCount > 0, block.dtype.isReal
    else { return nil }
    self.block = block
  }

  /// The type and length of the shards.
  var kind: ShardKind { ShardKind(dtype: block.dtype, length: block.shape[1]) }
  /// The number of shards.
  var count: Int { block.shape[0] }

  /// The hashes of the shards, as ``ShardKind/digests(of:)`` gives those of a factor.
  ///
  /// - Complexity: O(n).
  var digests: [Digest128] {
    (0..<count).map { row in
      let shard = bytes(ofRow: row)
      return kind.digest(shard.span)
    }
  }

  /// The bytes of a shard.
  func bytes(ofRow row: Int) -> Bytes {
    block.bytes.slice(row * kind.byteCount..<(row + 1) * kind.byteCount)
  }
}
