import MopzAdapters
import MopzBytes
import MopzDigest
import MopzTensors

/// The shards that may be equal to one another: those of one element type and length.
struct ShardKind: Hashable, Sendable {
  let dtype: DType
  /// The number of elements.
  let length: Int

  /// The most shards that a vector is cut into.
  static let chunkCountMax = 64
  /// Shorter shards would be outweighed by the numbers that name them.
  static let byteCountMin = 16

  /// The bytes of one shard.
  var byteCount: Int { length * dtype.bitCount / 8 }

  /// The number of shards in a vector of a factor, or nil if it is not cut in this way.
  func chunkCount(of factor: SharableFactor) -> Int? {
    guard factor.block.dtype == dtype, factor.width % length == 0 else { return nil }
    let count = factor.width / length
    return count <= Self.chunkCountMax ? count : nil
  }

  /// All kinds into which factors can be cut, the longest shards first.
  static func all(of factors: [SharableFactor]) -> [ShardKind] {
    var kinds: Set<ShardKind> = []
    var seen: Set<ShardKind> = []
    for factor in factors {
      let whole = ShardKind(dtype: factor.block.dtype, length: factor.width)
      guard seen.insert(whole).inserted else { continue }
      for count in 1...chunkCountMax where factor.width % count == 0 {
        let kind = ShardKind(dtype: factor.block.dtype, length: factor.width / count)
        if kind.byteCount >= byteCountMin { kinds.insert(kind) }
      }
    }
    return kinds.sorted { ($0.length, $0.dtype.rawValue) > ($1.length, $1.dtype.rawValue) }
  }

  /// The hashes of a factor's shards, chunk position by chunk position and within one
  /// position vector by vector; ``Digest128/zero`` for a shard whose bits are all zero.
  ///
  /// - Precondition: The factor is cut in this way.
  /// - Complexity: O(n).
  func digests(of factor: SharableFactor) -> [Digest128] {
    let vectors = factor.vectors
    var digests: [Digest128] = []
    digests.reserveCapacity(factor.width / length * factor.rank)
    forEachShard(of: factor) { range in
      let shard = vectors.slice(range)
      digests.append(digest(shard.span))
    }
    return digests
  }

  /// The hash of a shard, ``Digest128/zero`` for one whose bits are all zero and no other.
  func digest(_ shard: RawSpan) -> Digest128 {
    guard !shard.isAllZero else { return .zero }
    let digest = XXH3.hash128(shard)
    return digest == .zero ? Digest128(low: 1, high: 0) : digest
  }

  /// Calls `body` with the place of every shard among the bytes of the vectors, in the
  /// order of ``digests(of:)``.
  func forEachShard(of factor: SharableFactor, _ body: (Range<Int>) -> Void) {
    let vectorByteCount = factor.width * factor.elementByteCount
    for chunk in 0..<factor.width / length {
      for vector in 0..<factor.rank {
        let start = vector * vectorByteCount + chunk * byteCount
        body(start..<start + byteCount)
      }
    }
  }
}
