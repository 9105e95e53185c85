import MopzDigest

/// Factors that have shards in common, directly or through others, and the way in which
/// they are cut.
struct ShardFamily: Sendable {
  let kind: ShardKind
  /// The positions of the factors, ascending.
  let members: [Int]
  /// The positions of the stored blocks that have shards of the factors, ascending.
  let lent: [Int]
  /// The bytes that a pool saves at least; not positive if it saves none.
  let saving: Int
}

extension ShardFamily {
  /// The families of factors that are cut in one way and would save bytes, in the order of
  /// their first members.
  ///
  /// - Parameters:
  ///   - positions: The factors that are cut, ascending.
  ///   - digests: Their shards' hashes, in the same order.
  ///   - stored: The blocks that there are, and may lend shards; those of other kinds are
  ///     passed over.
  /// - Complexity: O(shards).
  static func all(
    of positions: [Int], _ digests: [[Digest128]], kind: ShardKind, in factors: [SharableFactor],
    _ identities: BlockIdentities, beside stored: [StoredShards]
  ) -> [ShardFamily] {
    let lenders = stored.indices.filter { stored[$0].kind == kind }
    var sets = DisjointSets(count: positions.count + lenders.count)
    // What is stored comes after the factors, and is the first to have its shards.
    var firstUser: [Digest128: Int] = [:]
    for (place, lender) in lenders.enumerated() {
      for digest in stored[lender].digests where digest != .zero {
        firstUser[digest] = firstUser[digest] ?? positions.count + place
      }
    }
    var firstOfBlock: [Int: Int] = [:]
    for (place, position) in positions.enumerated() {
      // Equal blocks belong together even if all their shards are zero.
      let number = identities.numbers[position]
      if let first = firstOfBlock[number] { sets.unite(first, place) }
      firstOfBlock[number] = firstOfBlock[number] ?? place
      for digest in digests[place] where digest != .zero {
        if let first = firstUser[digest] {
          sets.unite(first, place)
        } else {
          firstUser[digest] = place
        }
      }
    }
    var distinctCounts = Array(repeating: 0, count: positions.count)
    for place in firstUser.values where place < positions.count {
      distinctCounts[sets.root(of: place)] += 1
    }
    var lent: [Int: [Int]] = [:]
    for (place, lender) in lenders.enumerated() {
      lent[sets.root(of: positions.count + place), default: []].append(lender)
    }
    var members: [Int: [Int]] = [:]
    var shardCounts: [Int: Int] = [:]
    for place in positions.indices {
      let root = sets.root(of: place)
      members[root, default: []].append(positions[place])
      shardCounts[root, default: 0] += digests[place].count
    }
    var families: [ShardFamily] = []
    for (root, members) in members where (shardCounts[root] ?? 0) > distinctCounts[root] {
      let cost = StorageCost(members.map { factors[$0] }, kind: kind)
      let lent = lent[root] ?? []
      let saving =
        StorageCost.plain(members, of: factors, identities)
        - cost.pooled(distinctCounts[root], lent: lent.map { stored[$0].count })
      if saving > 0 {
        families.append(
          ShardFamily(kind: kind, members: members, lent: lent, saving: saving))
      }
    }
    return families.sorted { $0.members[0] < $1.members[0] }
  }
}

extension Array where Element == ShardFamily {
  /// Takes a family of shorter shards in place of those that it overlaps, if it saves more
  /// than they do together.
  mutating func offer(_ family: ShardFamily, _ owner: inout [Int?]) {
    let overlapping = Set(family.members.compactMap { owner[$0] })
    guard family.saving > overlapping.reduce(0, { $0 + self[$1].saving }) else { return }
    for index in overlapping { for member in self[index].members { owner[member] = nil } }
    for member in family.members { owner[member] = count }
    append(family)
  }
}

/// Sets that are united step by step.
private struct DisjointSets {
  private var parents: [Int]

  init(count: Int) { parents = Array(0..<count) }

  mutating func root(of element: Int) -> Int {
    var element = element
    while parents[element] != element {
      parents[element] = parents[parents[element]]
      element = parents[element]
    }
    return element
  }

  mutating func unite(_ a: Int, _ b: Int) {
    let (p, q) = (root(of: a), root(of: b))
    // The lower one stays, so that the result does not depend on the order of the calls.
    parents[max(p, q)] = min(p, q)
  }
}
