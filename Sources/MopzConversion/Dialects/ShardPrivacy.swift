import MopzBytes

/// Which shards of a mixture's pools belong to one layer alone.
///
/// Training puts them behind the public ones, layer after layer, and every layer's table
/// ends with its own. The files do not say how many there are; the tables show it. It is
/// a label: what the shards do does not depend on it.
enum ShardPrivacy {
  /// The number of public shards of a pool.
  ///
  /// - Parameters:
  ///   - shardCount: The shards of the pool.
  ///   - masks: The tables of all layers that use the pool, in any order.
  ///   - chunkCount: The shards of a vector; whole vectors are private.
  /// - Returns: Where the private shards begin; `shardCount` if there are none.
  static func publicCount(shardCount: Int, masks: [[Int]], chunkCount: Int) -> Int {
    let ordered = masks.sorted { ($0.last ?? 0) < ($1.last ?? 0) }
    guard let last = ordered.last?.last, last == shardCount - 1, let first = ordered.first else {
      return shardCount
    }
    // Neighbouring layers end one layer's share apart; a single one, where its run begins.
    let own =
      ordered.count > 1 ? (ordered[1].last ?? 0) - (first.last ?? 0) : runLength(endOf: first)
    let publicCount = shardCount - ordered.count * own
    guard own > 0, own % chunkCount == 0, publicCount >= 0 else { return shardCount }
    let holds = ordered.enumerated().allSatisfy { layer, mask in
      let start = publicCount + layer * own
      return mask.suffix(own).elementsEqual(start..<start + own)
        && mask.dropLast(own).allSatisfy { $0 < publicCount }
    }
    return holds ? publicCount : shardCount
  }

  /// How many numbers at the end of a table follow one another.
  private static func runLength(endOf mask: [Int]) -> Int {
    var count = 1
    while count < mask.count, mask[mask.count - count - 1] == mask[mask.count - count] - 1 {
      count += 1
    }
    return count
  }

  /// The modules of one projection in all layers: a path without its numbers.
  static func projection(of path: String) -> String {
    path.split(separator: ".", omittingEmptySubsequences: false)
      .map { part in
        !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? "*" : String(part)
      }
      .joined(separator: ".")
  }
}
