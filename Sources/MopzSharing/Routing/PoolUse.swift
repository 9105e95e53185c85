public import MopzAdapters

/// What a fitted update takes from public pools, by the numbers of its task's blocks.
public struct PoolUse: Sendable {
  /// One side: the pool of B, or that of A.
  public struct Side: Hashable, Sendable {
    /// The blocks whose rows are the pool's vectors, in order.
    public let blocks: [Int]
    /// The number of vectors in each.
    public let counts: [Int]
    /// Into how many pieces the vectors of a factor are cut.
    public let chunkCount: Int
    let width: Int

    /// The vectors of a factor that the pool can give.
    var vectorCount: Int { counts.reduce(0, +) * chunkCount }
  }

  /// The pool of B.
  public let up: Side
  /// The pool of A.
  public let down: Side
  /// Whether vector j of one pool meets vector j of the other alone.
  public let isDiagonal: Bool
  /// Who takes from them.
  public let user: GroupKey

  /// The uses of a task, in the order of its targets.
  ///
  /// They are those of fitted targets whose pools are public as a whole, as a fit makes them:
  /// rows of blocks from the first on, and nothing mixed. What else a task has of pools is its
  /// own affair.
  ///
  /// - Parameter task: Its tables; no block is looked at.
  /// - Complexity: O(tables).
  public static func all(of task: Adapter) -> [PoolUse] {
    task.targets.filter { $0.relativeError != nil && $0.isFittable }.flatMap { target in
      target.terms.compactMap { PoolUse($0, of: target, in: task) }
    }
  }

  private init?(_ term: Term, of target: TargetUpdate, in task: Adapter) {
    switch term.core {
    case .identity: return nil
    case .diagonal: isDiagonal = true
    case .dense: isDiagonal = false
    }
    guard let up = Side(task.factors[term.up], in: task),
      let down = Side(task.factors[term.down], in: task)
    else { return nil }
    self.up = up
    self.down = down
    user = GroupKey(target, outWidth: up.width, inWidth: down.width)
  }
}

extension PoolUse.Side {
  fileprivate init?(_ factor: Factor, in task: Adapter) {
    let pool = task.pools[factor.pool]
    let isPublic = pool.ranges.allSatisfy { range in
      range.visibility == .shared && range.axis == .rows && range.first == 0 && range.count > 0
    }
    guard isPublic, factor.mixing == .none, factor.chunkCount * pool.shardLength == factor.width
    else { return nil }
    blocks = pool.ranges.map(\.block)
    counts = pool.ranges.map(\.count)
    chunkCount = factor.chunkCount
    width = factor.width
  }
}

/// The pools that some adapters may have a use for.
public struct PoolDemand: Sendable {
  private let projections: Set<[String]>

  /// The demand of adapters that are to be fitted.
  ///
  /// - Complexity: O(targets).
  public init(of adapters: [Adapter]) {
    var projections: Set<[String]> = []
    for adapter in adapters {
      for target in adapter.targets where target.isFittable {
        guard let first = target.terms.first else { continue }
        let key = GroupKey(
          target, outWidth: adapter.factors[first.up].width,
          inWidth: adapter.factors[first.down].width)
        projections.insert(key.projection)
      }
    }
    self.projections = projections
  }

  /// Whether a pool that is used in this way may serve one of the adapters.
  public func contains(_ use: PoolUse) -> Bool { projections.contains(use.user.projection) }
}
