import MopzBytes
import MopzTensors

/// What factors take in a container: bytes of blocks, their padding, and their rows in
/// records and in the block index.
///
/// Estimates on the safe side: a pool is never cheaper in truth than here, plain blocks
/// never dearer.
///
/// - Specification: §5.4 to §5.7 of `spec/mopz.md`.
struct StorageCost {
  /// A row of a record's block table, with two dimensions.
  private static let rowByteCount = 64 + 16
  /// An entry of the block index.
  private static let entryByteCount = 32
  /// Rows of pool and range, which every factor has without sharing, too.
  private static let poolByteCount = 16 + 2 * rangeByteCount
  /// A row of a pool's ranges.
  private static let rangeByteCount = 32

  private let kind: ShardKind
  private let factors: [SharableFactor]

  init(_ factors: [SharableFactor], kind: ShardKind) {
    self.factors = factors
    self.kind = kind
  }

  /// The bytes of a pool of so many distinct shards, at most.
  ///
  /// - Parameter lent: The number of shards in each block that is stored anyhow, beside those.
  func pooled(_ distinctCount: Int, lent: [Int] = []) -> Int {
    let tasks = Set(factors.map(\.task)).count
    let vectorCount = distinctCount + lent.reduce(0, +)
    let width = IndexTable.dtype(vectorCount: vectorCount).bitCount / 8
    let tables = factors.reduce(0) { sum, factor in
      let count = factor.rank * (factor.width / kind.length) * width
      return sum + Self.stored(count) + Self.rowByteCount
    }
    // Public shards are one block, those of each task another.
    let isAllLent = distinctCount == 0 && !lent.isEmpty
    let blocks = isAllLent ? 0 : tasks == 1 ? 1 : tasks + 1
    let shards = isAllLent ? 0 : max(distinctCount, 1) * kind.byteCount
    return shards + blocks * (Self.padding(shards) + Self.entryByteCount)
      + tasks * (2 * Self.rowByteCount + Self.poolByteCount) + tables
      + tasks * lent.count * (Self.rowByteCount + Self.rangeByteCount)
  }

  /// The bytes of factors as they are, at least; blocks that are used elsewhere, too, cost
  /// nothing.
  static func plain(
    _ members: [Int], of factors: [SharableFactor], _ identities: BlockIdentities
  ) -> Int {
    var counts: [Int: Int] = [:]
    var rows: Set<[Int]> = []
    for member in members {
      let number = identities.numbers[member]
      counts[number, default: 0] += 1
      rows.insert([factors[member].task, number])
    }
    var sum = rows.count * rowByteCount
    for member in members {
      let number = identities.numbers[member]
      guard let count = counts.removeValue(forKey: number),
        count == identities.useCounts[number], !identities.isUsedElsewhere[number]
      else { continue }
      sum += factors[member].block.bytes.count + entryByteCount
    }
    return sum
  }

  private static func stored(_ byteCount: Int) -> Int {
    byteCount + padding(byteCount) + entryByteCount
  }

  /// The most padding that a block's alignment may cause.
  private static func padding(_ byteCount: Int) -> Int { byteCount >= 65536 ? 4095 : 63 }
}
