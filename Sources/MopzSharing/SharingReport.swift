public import MopzTensors

/// What sharing found.
public struct SharingReport: Hashable, Sendable {
  /// A pool: shards of one type and length that factors have in common.
  public struct Pool: Hashable, Sendable {
    /// The element type.
    public var dtype: DType
    /// The elements of a shard.
    public var shardLength: Int
    /// The shards that several tasks use; in a pool of one task, several tensors.
    public var publicCount: Int
    /// The shards that one task uses; in a pool of one task, one tensor.
    public var privateCount: Int
    /// The source tensors that are put together from the pool.
    public var tensorCount: Int
    /// The names of the tasks, in order.
    public var tasks: [String]
  }

  /// The pools, in the order of their first tensors.
  public var pools: [Pool] = []

  /// A report of nothing shared.
  public init() {}

  /// The source tensors that are put together from pools.
  public var tensorCount: Int { pools.reduce(0) { $0 + $1.tensorCount } }
  /// The public shards of all pools.
  public var publicCount: Int { pools.reduce(0) { $0 + $1.publicCount } }
  /// The private shards of all pools.
  public var privateCount: Int { pools.reduce(0) { $0 + $1.privateCount } }
}
