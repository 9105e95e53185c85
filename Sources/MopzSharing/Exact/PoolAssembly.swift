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
  /// - Parameter stored: The blocks that there are; those that the family names lend shards.
  /// - Complexity: O(bytes of the members); memory for the distinct shards.
  init(
    of family: ShardFamily, in factors: [SharableFactor], beside stored: [StoredShards] = []
  ) {
    kind = family.kind
    var shards = DistinctShards(kind: family.kind)
    let lent = family.lent.map { LentShards(stored[$0], numbers: shards.add(stored[$0])) }
    let lentCount = shards.count
    var numbers: [[Int?]] = []
    for member in family.members { numbers.append(shards.add(factors[member])) }
    if shards.count == 0 {
      // Nothing but zeros: a pool needs a vector, and a rule that names it everywhere no block.
      shards.addZero(usedBy: Set(family.members.map { factors[$0].task }).sorted())
      numbers = numbers.map { $0.map { _ in 0 } }
    }
    let tasks = Set(family.members.map { factors[$0].task }).sorted()
    let new = lentCount..<shards.count
    let publicShards = new.filter {
      tasks.count > 1 ? shards.taskCounts[$0] > 1 : shards.factorCounts[$0] > 1
    }
    publicCount = publicShards.count + (0..<lentCount).count { shards.taskCounts[$0] > 0 }
    let isPublic = Set(publicShards)
    let shared = publicShards.isEmpty ? nil : shards.block(publicShards)
    for task in tasks {
      let members = family.members.indices.filter { factors[family.members[$0]].task == task }
      let used = Set(members.flatMap { numbers[$0].compactMap(\.self) })
      let own = new.filter { !isPublic.contains($0) && shards.firstTasks[$0] == task }
      privateCount += own.count
      var vectors: [Int?] = []
      var pieces: [Piece] = []
      for block in lent where block.numbers.contains(where: { $0.map(used.contains) ?? false }) {
        vectors += block.numbers
        pieces.append(Piece(block: block.shards.block, publicCount: block.shards.count))
      }
      vectors += publicShards + own
      if tasks.count > 1 {
        if let shared { pieces.append(Piece(block: shared, publicCount: publicShards.count)) }
        if !own.isEmpty { pieces.append(Piece(block: shards.block(own), publicCount: 0)) }
      } else if !new.isEmpty {
        pieces.append(
          Piece(block: shards.block(publicShards + own), publicCount: publicShards.count))
      }
      var places = Array(repeating: -1, count: shards.count)
      for (place, shard) in vectors.enumerated() { if let shard { places[shard] = place } }
      parts[task] = Self.part(pieces, kind)
      for index in members {
        let factor = factors[family.members[index]]
        parts[task]?.tables[family.members[index]] = IndexTable(
          rank: factor.rank, chunkCount: factor.width / kind.length,
          entries: numbers[index].map { $0.map { places[$0] } })
      }
    }
  }

  /// A stored block, and the number of each of its shards: nil for zeros, and for a shard that
  /// came before.
  private struct LentShards {
    let shards: StoredShards
    let numbers: [Int?]

    init(_ shards: StoredShards, numbers: [Int?]) {
      self.shards = shards
      self.numbers = numbers
    }
  }

  /// A block of a pool, of which the first rows are public.
  private struct Piece {
    var block: Tensor
    var publicCount: Int
  }

  /// A pool of blocks one after the other.
  private static func part(_ pieces: [Piece], _ kind: ShardKind) -> Part {
    var ranges: [PoolRange] = []
    for (index, piece) in pieces.enumerated() {
      let count = piece.block.shape[0]
      ranges += [
        PoolRange(
          block: index, axis: .rows, visibility: .shared, first: 0, count: piece.publicCount),
        PoolRange(
          block: index, axis: .rows, first: piece.publicCount, count: count - piece.publicCount),
      ].filter { $0.count > 0 }
    }
    return Part(
      blocks: pieces.map(\.block), pool: Pool(shardLength: kind.length, ranges: ranges),
      tables: [:])
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

  /// Adds the shards of a stored block, which no factor uses yet.
  ///
  /// - Returns: The number of each that is new here; nil for the others, and for zeros.
  mutating func add(_ stored: StoredShards) -> [Int?] {
    stored.digests.enumerated().map { row, digest in
      let shard = stored.bytes(ofRow: row)
      guard digest != .zero, find(shard, digest) == nil else { return nil }
      return append(shard, digest, task: -1)
    }
  }

  /// Adds a shard of zeros.
  mutating func addZero(usedBy tasks: [Int]) {
    let number = append(Bytes(byteCount: kind.byteCount) { _ in }, .zero, task: tasks[0])
    for task in tasks { use(number, task: task) }
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
