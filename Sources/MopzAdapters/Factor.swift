/// One side of a term: rows of A or columns of B, assembled from a pool.
///
/// Vector j of the factor is the concatenation, over the chunk position c, of
/// `Σ_k w[j, c, k] · pool[I[j, c, k]]`, cut to `width` elements.
///
/// - Specification: §8.3 and §8.4 of `spec/mopz.md`.
public struct Factor: Hashable, Sendable {
  /// Which side of `B·C·A` a factor is.
  public enum Side: UInt8, Hashable, Sendable {
    /// A, the *down* projection: vectors are rows of length `inFeatures`.
    case down = 1
    /// B, the *up* projection: vectors are columns of length `outFeatures`.
    case up = 2
  }

  /// The index table I, shape `[rank, chunkCount, mixCount]`.
  public enum Indices: Hashable, Sendable {
    /// `I[j, c] = j·chunkCount + c`.
    case identity
    /// `I[j, c] = (offset + rowStep·j + chunkStep·c) mod modulus`.
    case affine(offset: UInt32, rowStep: UInt32, chunkStep: UInt32, modulus: UInt32)
    /// A block of unsigned or signed integers; the reserved index is the zero shard.
    case explicit(block: Int)
  }

  /// The weights w, shape `[rank, chunkCount, mixCount]`.
  public enum Mixing: Hashable, Sendable {
    /// All weights 1; `mixCount` is 1.
    case none
    /// A stored block of weights.
    case weights(block: Int)
    /// A stored block with `mixCount − 1` weights; the last is 1 minus their sum.
    case complement(block: Int)
    /// Softmax over the `mixCount` largest of stored logits, shape
    /// `[rank, chunkCount, poolCount]`; ties go to the lower index. The index
    /// table is worked out from the logits and must be ``Indices/identity``.
    case softmaxTop(block: Int)
  }

  /// Which side of the product it is.
  public var side: Side
  /// The number of vectors: rows of A, columns of B.
  public var rank: Int
  /// The length of a vector: `inFeatures` or `outFeatures`.
  public var width: Int
  /// The number of chunks that a vector is cut into.
  public var chunkCount: Int
  /// The number of pool vectors that are mixed into one chunk.
  public var mixCount: Int
  /// The index of the pool.
  public var pool: Int
  /// The index table.
  public var indices: Indices
  /// The mixing weights.
  public var mixing: Mixing

  /// Makes a factor from its parts; by default a plain one, vector j of the pool as it is.
  public init(
    side: Side, rank: Int, width: Int, chunkCount: Int = 1, mixCount: Int = 1, pool: Int,
    indices: Indices = .identity, mixing: Mixing = .none
  ) {
    self.side = side
    self.rank = rank
    self.width = width
    self.chunkCount = chunkCount
    self.mixCount = mixCount
    self.pool = pool
    self.indices = indices
    self.mixing = mixing
  }

  /// The reserved index of the zero shard.
  public static let zeroShard: UInt32 = .max
}

/// An ordered list of block ranges that factors take vectors from.
///
/// - Specification: §8.2 of `spec/mopz.md`.
public struct Pool: Hashable, Sendable {
  /// The number of elements of one vector (a shard, or a whole row or column).
  public var shardLength: Int
  /// The ranges, public ones first; their vectors are numbered in this order.
  public var ranges: [PoolRange]

  public init(shardLength: Int, ranges: [PoolRange]) {
    self.shardLength = shardLength
    self.ranges = ranges
  }

  /// The number of vectors in the pool.
  public var vectorCount: Int { ranges.reduce(0) { $0 + $1.count } }
}

/// A run of rows or columns of a stored block.
public struct PoolRange: Hashable, Sendable {
  /// How the block's matrix `[first dimension, rest]` is cut into vectors.
  public enum Axis: UInt8, Hashable, Sendable {
    /// Vector n is row n.
    case rows = 1
    /// Vector n is column n.
    case columns = 2
  }

  /// Who may use a range.
  public enum Visibility: UInt8, Hashable, Sendable {
    case shared = 1
    case isPrivate = 2
  }

  /// The index of the block.
  public var block: Int
  /// How the block is cut into vectors.
  public var axis: Axis
  /// Whether the range is public or belongs to this task alone.
  public var visibility: Visibility
  /// The first row or column.
  public var first: Int
  /// The number of rows or columns.
  public var count: Int

  public init(block: Int, axis: Axis, visibility: Visibility = .isPrivate, first: Int, count: Int) {
    self.block = block
    self.axis = axis
    self.visibility = visibility
    self.first = first
    self.count = count
  }
}
