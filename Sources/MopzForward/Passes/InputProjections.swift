import MopzBytes
import MopzLinearAlgebra

/// What low-rank terms make of one input: `z = (x · inputᵀ) · core` for each, on its own rows.
///
/// Terms of several tasks that take vectors, or shards of them, from one place are worked out
/// together: each shard is multiplied once with the rows of all, and the products are put
/// together as each term's table says.
///
///     y_c[row, u] = x[row, chunk c] · shard_uᵀ        z[row, j] = Σ_c y_c[row, I[j, c]]
struct InputProjections: Sendable {
  /// A term, and the rows that it acts on.
  struct Place: Sendable {
    let term: PreparedTerm
    let rows: Range<Int>
  }

  let places: [Place]
  /// The places that are worked out together, in runs; most are alone.
  let groups: [[Int]]

  /// Rows beside which reading the vectors takes as long as multiplying by them.
  private static let readingRowCount = 32

  init(_ places: [Place]) {
    self.places = places
    groups = Self.families(of: places).flatMap { family in
      Self.isWorthwhile(family, places) ? [family] : family.map { [$0] }
    }
  }

  /// The projections of all places.
  func values(of x: Activations, _ threads: WorkerThreads) -> [[Float]] {
    let parts = threads.map(groups.count) { index -> [[Float]] in
      let group = groups[index]
      guard group.count > 1 else {
        let place = places[group[0]]
        return [place.term.projected(x, rows: place.rows)]
      }
      return together(group, x)
    }
    var values = [[Float]](repeating: [], count: places.count)
    for (group, part) in zip(groups, parts) {
      for (place, z) in zip(group, part) { values[place] = z }
    }
    return values
  }

  // MARK: Which places go together

  /// A shard at a chunk position.
  private struct Use: Hashable {
    let key: InputShards.Key
    let length: Int
    let chunk: Int
  }

  /// The distinct shards of terms, by chunk position.
  private static func uses(_ family: [Int], _ places: [Place]) -> [Use: Int] {
    var numbers: [Use: Int] = [:]
    var counts: [Int: Int] = [:]
    for place in family {
      forEachUse(of: places[place].term) { use in
        guard numbers[use] == nil else { return }
        numbers[use] = counts[use.chunk, default: 0]
        counts[use.chunk, default: 0] += 1
      }
    }
    return numbers
  }

  private static func forEachUse(of term: PreparedTerm, _ body: (Use) -> Void) {
    guard let shards = term.inputShards else { return }
    for (index, key) in shards.keys.enumerated() {
      guard let key else { continue }
      body(Use(key: key, length: shards.length, chunk: index % shards.chunkCount))
    }
  }

  /// Terms that have a shard in common, directly or through others.
  private static func families(of places: [Place]) -> [[Int]] {
    var family = Array(places.indices)
    func root(_ place: Int) -> Int {
      var place = place
      while family[place] != place { place = family[place] }
      return place
    }
    var firstUser: [Use: Int] = [:]
    for place in places.indices {
      forEachUse(of: places[place].term) { use in
        guard let first = firstUser[use] else {
          firstUser[use] = place
          return
        }
        let (a, b) = (root(first), root(place))
        family[max(a, b)] = min(a, b)
      }
    }
    var members: [Int: [Int]] = [:]
    for place in places.indices { members[root(place), default: []].append(place) }
    return members.values.sorted { $0[0] < $1[0] }
  }

  /// Whether multiplying each shard once costs less than each term by itself: numbers are
  /// multiplied with every row, and have to be read, which few rows do not outweigh.
  private static func isWorthwhile(_ family: [Int], _ places: [Place]) -> Bool {
    guard family.count > 1 else { return false }
    let apart = family.reduce(0) { sum, place in
      sum + (places[place].rows.count + readingRowCount) * places[place].term.input.count
    }
    let shared = uses(family, places).keys.reduce(0) { $0 + $1.length }
    return (rows(of: family, places).count + readingRowCount) * shared < apart
  }

  private static func rows(of family: [Int], _ places: [Place]) -> Range<Int> {
    let ranges = family.map { places[$0].rows }
    return (ranges.map(\.lowerBound).min() ?? 0)..<(ranges.map(\.upperBound).max() ?? 0)
  }

  // MARK: Working them out

  private func together(_ group: [Int], _ x: Activations) -> [[Float]] {
    let numbers = Self.uses(group, places)
    let rows = Self.rows(of: group, places)
    var results = group.map { place in
      [Float](repeating: 0, count: places[place].rows.count * places[place].term.inputRank)
    }
    for chunk in Set(numbers.keys.map(\.chunk)).sorted() {
      guard let (products, count) = products(chunk, group, numbers, rows, x) else { continue }
      for (result, place) in group.enumerated() {
        let (term, own) = (places[place].term, places[place].rows)
        guard let shards = term.inputShards, chunk < shards.chunkCount else { continue }
        for vector in 0..<term.inputRank {
          guard let key = shards.keys[vector * shards.chunkCount + chunk],
            let number = numbers[Use(key: key, length: shards.length, chunk: chunk)]
          else { continue }
          for row in own.indices {
            results[result][(row - own.lowerBound) * term.inputRank + vector] +=
              products[(row - rows.lowerBound) * count + number]
          }
        }
      }
    }
    return zip(group, results).map { place, z in
      places[place].term.mixed(z, rows: places[place].rows.count)
    }
  }

  /// The products of one chunk of the input with all shards that terms have there,
  /// `[rows, count]`.
  private func products(
    _ chunk: Int, _ group: [Int], _ numbers: [Use: Int], _ rows: Range<Int>, _ x: Activations
  ) -> (products: [Float], count: Int)? {
    let count = numbers.keys.count { $0.chunk == chunk }
    guard let length = numbers.keys.first(where: { $0.chunk == chunk })?.length else { return nil }
    let columns = chunk * length..<min((chunk + 1) * length, x.columns)
    var matrix = [Float](repeating: 0, count: count * columns.count)
    for place in group {
      let term = places[place].term
      guard let shards = term.inputShards, chunk < shards.chunkCount else { continue }
      for vector in 0..<term.inputRank {
        guard let key = shards.keys[vector * shards.chunkCount + chunk],
          let number = numbers[Use(key: key, length: shards.length, chunk: chunk)]
        else { continue }
        let start = vector * x.columns + columns.lowerBound
        for column in 0..<columns.count {
          matrix[number * columns.count + column] = term.input[start + column]
        }
      }
    }
    var products = [Float](repeating: 0, count: rows.count * count)
    var span = products.mutableSpan
    MatrixProduct.multiply(
      x.matrix(rows: rows, columns: columns),
      MatrixView(matrix.span, rows: count, columns: columns.count).transposed, into: &span)
    return (products, count)
  }
}
