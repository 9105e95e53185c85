import MopzAdapters
import MopzBytes
import MopzContainer
public import MopzTensors

extension Inspection {
  /// Shards that several modules or tasks take from, and who does.
  public struct Pool: Hashable, Sendable {
    /// The pool's number in the inspection, from 1.
    public var number: Int
    /// The type of the elements.
    public var dtype: DType
    /// The elements of a shard.
    public var shardLength: Int
    /// The shards that are meant for all.
    public var publicCount: Int
    /// The shards in the same block that are meant for one user.
    public var privateCount: Int
    /// The stored bytes of the pool's block.
    public var byteCount: Int
    /// The names of the tasks that use the pool, in order.
    public var tasks: [String]
    /// The modules, of all tasks, that use it.
    public var moduleCount: Int
  }

  /// What one module of a task takes.
  public struct Module: Hashable, Sendable {
    /// The module's path, with the parameter if that is not the weight.
    public var name: String
    /// The stored bytes of blocks that no other module and no other task uses.
    public var ownByteCount: Int
    /// The stored bytes of blocks that others use, too.
    public var commonByteCount: Int
    /// The numbers of the pools that the module takes from.
    public var pools: [Int]
  }
}

/// Finds the pools of a container, task by task.
struct PoolSurvey {
  /// The pools, in the order of their first users.
  private(set) var pools: [Inspection.Pool] = []
  /// The pools by the offset of their blocks.
  private var numbers: [Int: Int] = [:]

  /// Adds a task.
  ///
  /// - Parameter tables: The task's tables; blocks are not looked at.
  mutating func add(_ task: MappedTask, _ tables: Adapter) {
    for (index, blocks) in Self.moduleBlocks(tables).enumerated() {
      var seen: Set<Int> = []
      for factor in Self.factors(of: tables.targets[index]) {
        let pool = tables.pools[tables.factors[factor].pool]
        for range in pool.ranges where range.visibility == .shared && range.count > 0 {
          let info = task.blockInfo(at: range.block)
          guard blocks.contains(range.block), seen.insert(range.block).inserted else { continue }
          let place = place(of: info, range, pool)
          pools[place].moduleCount += 1
          if pools[place].tasks.last != task.name { pools[place].tasks.append(task.name) }
        }
      }
    }
  }

  private mutating func place(of info: BlockInfo, _ range: PoolRange, _ pool: Pool) -> Int {
    if let number = numbers[info.range.lowerBound] { return number - 1 }
    let rest = pool.ranges.filter { $0.block == range.block && $0.visibility == .isPrivate }
    pools.append(
      Inspection.Pool(
        number: pools.count + 1, dtype: info.dtype, shardLength: pool.shardLength,
        publicCount: range.count, privateCount: rest.reduce(0) { $0 + $1.count },
        byteCount: info.range.count, tasks: [], moduleCount: 0))
    numbers[info.range.lowerBound] = pools.count
    return pools.count - 1
  }

  /// The modules of a task.
  ///
  /// - Parameter isShared: Whether other tasks use the block at an offset.
  func modules(
    of task: MappedTask, _ tables: Adapter, isShared: (Int) -> Bool
  ) -> [Inspection.Module] {
    let blocksOfModules = Self.moduleBlocks(tables)
    var userCounts: [Int: Int] = [:]
    for blocks in blocksOfModules { for block in blocks { userCounts[block, default: 0] += 1 } }
    return zip(tables.targets, blocksOfModules).map { target, blocks in
      var module = Inspection.Module(
        name: Self.name(of: target), ownByteCount: 0, commonByteCount: 0, pools: [])
      for block in blocks.sorted() {
        let range = task.blockInfo(at: block).range
        if userCounts[block] == 1 && !isShared(range.lowerBound) {
          module.ownByteCount += range.count
        } else {
          module.commonByteCount += range.count
        }
        if let number = numbers[range.lowerBound], !range.isEmpty { module.pools.append(number) }
      }
      return module
    }
  }

  private static func name(of target: TargetUpdate) -> String {
    target.parameter == "weight" || target.parameter.isEmpty
      ? target.module : "\(target.module).\(target.parameter)"
  }

  private static func factors(of target: TargetUpdate) -> [Int] {
    target.terms.flatMap { [$0.down, $0.up] }
  }

  /// The blocks that each target uses.
  private static func moduleBlocks(_ tables: Adapter) -> [Set<Int>] {
    tables.targets.map { target in
      var blocks = Set(target.operands.map(\.block))
      for term in target.terms {
        switch term.core {
        case .identity: break
        case .diagonal(let block), .dense(let block): blocks.insert(block)
        }
        blocks.formUnion([term.outScaleBlock, term.inScaleBlock].compactMap(\.self))
      }
      for index in factors(of: target) {
        let factor = tables.factors[index]
        blocks.formUnion(tables.pools[factor.pool].ranges.map(\.block))
        if case .explicit(let block) = factor.indices { blocks.insert(block) }
        switch factor.mixing {
        case .none: break
        case .weights(let block), .complement(let block), .softmaxTop(let block):
          blocks.insert(block)
        }
      }
      return blocks
    }
  }
}
