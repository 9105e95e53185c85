public import MopzAdapters
public import MopzBytes
import MopzDigest

/// Adapters whose repeated rows of A and columns of B, whole or cut into shards, are
/// stored once.
///
/// Nothing is changed: every source tensor comes back bit by bit. Where shards of the
/// same bytes occur more than once, in a tensor, across layers or across tasks, and a pool
/// with index tables takes less than the tensors as they are, the tensors are put together
/// from the pool; all others stay as they were.
///
/// Shards that a container has already, in blocks that are named, are taken from there.
///
/// The result depends on the adapters and those blocks alone, not on the adapters' order or the
/// number of threads.
public struct ExactSharing: Sendable {
  /// The adapters, in the order in which they were given.
  public let adapters: [Adapter]
  /// The adapters without pools of this kind, as an importer gives them, in the same order.
  public let dense: [Adapter]
  /// What was found.
  public let report: SharingReport

  /// Looks for repeated shards and builds pools.
  ///
  /// Source tensors that are put together from pools already are taken apart first.
  ///
  /// - Parameters:
  ///   - adapters: The adapters.
  ///   - stored: Blocks of shards that the container has to which the adapters are added; they
  ///     cost nothing, and become the first ranges of the pools that take from them.
  ///   - threads: Who works.
  /// - Throws: ``SharingError`` if a pool of an adapter is unsound, or the user asked to stop.
  /// - Complexity: O(bytes · ways to cut a vector); memory for a hash a shard, for the pools,
  ///   and for tensors that had to be taken apart. Other blocks stay where they are mapped.
  public init(
    of adapters: [Adapter], beside stored: [StoredShards] = [], threads: WorkerThreads = .all
  ) throws(SharingError) {
    let order = adapters.indices.sorted {
      ExactName(adapters[$0].name) < ExactName(adapters[$1].name)
    }
    var tasks: [Adapter] = []
    for index in order { tasks.append(try Self.dense(adapters[index])) }
    var dense = adapters
    for (place, index) in order.enumerated() { dense[index] = tasks[place] }
    let factors = tasks.indices.flatMap { SharableFactor.all(of: tasks[$0], task: $0) }
    let families = try Self.families(of: factors, in: tasks, beside: stored, threads)
    let pools = threads.map(families.count) {
      PoolAssembly(of: families[$0], in: factors, beside: stored)
    }
    var report = SharingReport()
    for (family, pool) in zip(families, pools) {
      for (task, part) in pool.parts { tasks[task].use(part, factors) }
      report.pools.append(
        SharingReport.Pool(
          dtype: family.kind.dtype, shardLength: family.kind.length,
          publicCount: pool.publicCount, privateCount: pool.privateCount,
          tensorCount: family.members.count,
          tasks: pool.parts.keys.sorted().map { tasks[$0].name }))
    }
    for task in Set(pools.flatMap(\.parts.keys)) { tasks[task].keepUsedPools() }
    var result = adapters
    for (place, index) in order.enumerated() { result[index] = tasks[place] }
    self.adapters = result
    self.dense = dense
    self.report = report
  }

  private static func dense(_ adapter: Adapter) throws(SharingError) -> Adapter {
    guard adapter.hasAssembledTensors else { return adapter }
    do throws(FactorError) { return try adapter.withDenseFactors() } catch {
      throw .factor(error, adapter: adapter.name)
    }
  }

  /// The families that save the most, none of which overlap, in the order of their first
  /// members.
  private static func families(
    of factors: [SharableFactor], in adapters: [Adapter], beside stored: [StoredShards],
    _ threads: WorkerThreads
  ) throws(SharingError) -> [ShardFamily] {
    let identities = BlockIdentities(of: factors, in: adapters, threads: threads)
    var families: [ShardFamily] = []
    var owner: [Int?] = Array(repeating: nil, count: factors.count)
    for kind in ShardKind.all(of: factors) {
      do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
      let positions = factors.indices.filter { kind.chunkCount(of: factors[$0]) != nil }
      let digests = threads.map(positions.count) { kind.digests(of: factors[positions[$0]]) }
      let found = ShardFamily.all(
        of: positions, digests, kind: kind, in: factors, identities, beside: stored)
      for family in found { families.offer(family, &owner) }
    }
    let kept = Set(owner.compactMap(\.self)).map { families[$0] }
    return kept.sorted { $0.members[0] < $1.members[0] }
  }
}

/// A reason for which adapters cannot be shared.
public enum SharingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A factor that a source tensor is put together from is unsound.
  case factor(FactorError, adapter: String)
  /// The user asked to stop.
  case interrupted(Interrupted)

  /// A lower-case clause.
  public var description: String {
    switch self {
    case .factor(let error, let adapter): "adapter \(adapter.quoted): \(error)"
    case .interrupted(let error): "\(error)"
    }
  }
}
