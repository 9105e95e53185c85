import MopzAdapters
import MopzBytes
import MopzDigest
import MopzTensors

/// A family's shards, each once, put in order: public ones, then those of each task; and
/// the table of every factor.
struct PoolAssembly: Sendable {
  /// What one task has of the pool.
  struct Part: Sendable {
    /// The blocks, in the order of the ranges.
    var blocks: [Tensor]
    /// Ranges that index ``blocks``, public before private.
    var pool: Pool
    /// The routers, by the family's members that belong to the task.
    var tables: [Int: IndexTable]
  }

  let kind: ShardKind
  /// By task.
  private(set) var parts: [Int: Part] = [:]
  private(set) var publicCount = 0
  private(set) var privateCount = 0

  /// Gathers the shards of a family.
  ///
  /// Bytes are compared before two shards are taken for equal.
  ///
  /// - Complexity: O(bytes of the members); memory for the distinct shards.
  init(of family: ShardFamily, in factors: [SharableFactor]) {
    kind = family.kind
    var shards = DistinctShards(kind: family.kind)
    var numbers: [[Int?]] = []
    for member in family.members { numbers.append(shards.add(factors[member])) }
    if shards.count == 0 {
      // Nothing but zeros: a pool needs a vector, and a rule that names it everywhere no block.
      shards.addZero(usedBy: factors[family.members[0]])
      numbers = numbers.map { $0.map { _ in 0 } }
    }
    let tasks = Set(family.members.map { factors[$0].task }).sorted()
    let isPublic = (0..<shards.count).map { number in
      tasks.count > 1 ? shards.taskCounts[number] > 1 : shards.factorCounts[number] > 1
    }
    let publicShards = isPublic.indices.filter { isPublic[$0] }
    publicCount = publicShards.count
    let shared = publicShards.isEmpty ? nil : shards.block(publicShards)
    for task in tasks {
      let own = isPublic.indices.filter { !isPublic[$0] && shards.firstTasks[$0] == task }
      privateCount += own.count
      var places = Array(repeating: -1, count: shards.count)
      for (place, shard) in (publicShards + own).enumerated() { places[shard] = place }
      var tables: [Int: IndexTable] = [:]
      for (index, member) in family.members.enumerated() where factors[member].task == task {
        tables[member] = IndexTable(
          rank: factors[member].rank, chunkCount: factors[member].width / kind.length,
          entries: numbers[index].map { $0.map { places[$0] } })
      }
      if tasks.count == 1 {
        parts[task] = Self.part(shards.block(publicShards + own), publicCount, kind, tables)
      } else {
        let block = own.isEmpty ? nil : shards.block(own)
        parts[task] = Self.part(shared, block, kind, tables)
      }
    }
  }

  /// One block of which the first rows are public.
  private static func part(
    _ block: Tensor, _ publicCount: Int, _ kind: ShardKind, _ tables: [Int: IndexTable]
  ) -> Part {
    let count = block.shape[0]
    let ranges = [
      PoolRange(block: 0, axis: .rows, visibility: .shared, first: 0, count: publicCount),
      PoolRange(block: 0, axis: .rows, first: publicCount, count: count - publicCount),
    ].filter { $0.count > 0 }
    return Part(
      blocks: [block], pool: Pool(shardLength: kind.length, ranges: ranges), tables: tables)
  }

  /// A public block of all tasks, and the task's own.
  private static func part(
    _ shared: Tensor?, _ own: Tensor?, _ kind: ShardKind, _ tables: [Int: IndexTable]
  ) -> Part {
    var blocks: [Tensor] = []
    var ranges: [PoolRange] = []
    for (block, visibility) in [(shared, PoolRange.Visibility.shared), (own, .isPrivate)] {
      guard let block else { continue }
      ranges.append(
        PoolRange(
          block: blocks.count, axis: .rows, visibility: visibility, first: 0,
          count: block.shape[0]))
      blocks.append(block)
    }
    return Part(
      blocks: blocks, pool: Pool(shardLength: kind.length, ranges: ranges), tables: tables)
  }
}

/// Shards in the order of their first use, each once, and who uses them.
private struct DistinctShards {
  private let kind: ShardKind
  private var bytes: [UInt8] = []
  private var places: [Digest128: [Int]] = [:]
  private var lastTasks: [Int] = []
  private var factorCount = 0
  private var lastFactors: [Int] = []
  /// The number of tasks that use each shard.
  private(set) var taskCounts: [Int] = []
  /// The number of factors that use each shard.
  private(set) var factorCounts: [Int] = []
  /// The first task that uses each shard.
  private(set) var firstTasks: [Int] = []

  init(kind: ShardKind) { self.kind = kind }

  var count: Int { taskCounts.count }

  /// Adds the shards of a factor, the factors of one task after one another.
  ///
  /// - Returns: Their numbers in the order of ``ShardKind/digests(of:)``; nil for zeros.
  mutating func add(_ factor: SharableFactor) -> [Int?] {
    let digests = kind.digests(of: factor)
    let vectors = factor.vectors
    var numbers: [Int?] = []
    var index = 0
    factorCount += 1
    kind.forEachShard(of: factor) { range in
      defer { index += 1 }
      guard digests[index] != .zero else { return numbers.append(nil) }
      let shard = vectors.slice(range)
      let number = find(shard, digests[index]) ?? append(shard, digests[index], task: factor.task)
      use(number, task: factor.task)
      numbers.append(number)
    }
    return numbers
  }

  /// Adds a shard of zeros.
  mutating func addZero(usedBy factor: SharableFactor) {
    let number = append(Bytes(byteCount: kind.byteCount) { _ in }, .zero, task: factor.task)
    use(number, task: factor.task)
  }

  private func find(_ shard: Bytes, _ digest: Digest128) -> Int? {
    places[digest]?.first { number in
      let start = number * kind.byteCount
      let known = bytes.span.extracting(start..<start + kind.byteCount)
      return known.rawBytes.hasSameBytes(as: shard.span)
    }
  }

  private mutating func append(_ shard: Bytes, _ digest: Digest128, task: Int) -> Int {
    bytes.append(copying: shard.span)
    places[digest, default: []].append(count)
    firstTasks.append(task)
    lastTasks.append(-1)
    lastFactors.append(-1)
    factorCounts.append(0)
    taskCounts.append(0)
    return count - 1
  }

  private mutating func use(_ number: Int, task: Int) {
    if lastTasks[number] != task {
      lastTasks[number] = task
      taskCounts[number] += 1
    }
    if lastFactors[number] != factorCount {
      lastFactors[number] = factorCount
      factorCounts[number] += 1
    }
  }

  /// Shards as the rows of a block.
  func block(_ numbers: [Int]) -> Tensor {
    let width = kind.byteCount
    let rows = Bytes(byteCount: numbers.count * width) { target in
      for (row, number) in numbers.enumerated() {
        let span = bytes.span.extracting(number * width..<(number + 1) * width)
        target.copy(from: span.rawBytes, at: row * width)
      }
    }
    return Tensor(dtype: kind.dtype, shape: [numbers.count, kind.length], bytes: rows)
  }
}
