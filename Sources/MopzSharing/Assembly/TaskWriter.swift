import MopzAdapters
import MopzLinearAlgebra
import MopzTensors

/// Writes the fitted values of one task into an adapter.
///
/// A public term's factors take vectors of the shared pools by index; a private term's take
/// consecutive vectors of blocks that hold all private vectors of equal length and type. New
/// entries come after the source's own, which ``Adapter/droppingFittedSources(_:)`` takes away.
struct TaskWriter {
  private var adapter: Adapter
  private var privates: [PrivateKey: [Float]] = [:]
  private var privateTerms: [PrivateTerm] = []

  private struct PrivateKey: Hashable, Comparable {
    let length: Int
    let type: StoredType

    static func < (a: PrivateKey, b: PrivateKey) -> Bool {
      (a.length, a.type) < (b.length, b.type)
    }
  }

  private struct PrivateTerm {
    let target: Int
    let outWidth: Int
    let inWidth: Int
    var up: [(key: PrivateKey, first: Int, count: Int)] = []
    var down: [(key: PrivateKey, first: Int, count: Int)] = []
  }

  /// Begins with the source, whose targets lose their terms, and get an error that is still to
  /// be measured.
  init(_ source: Adapter, _ targets: [Int]) {
    adapter = source
    for target in targets {
      adapter.targets[target].terms = []
      adapter.targets[target].relativeError = 0
    }
  }

  private mutating func add(_ tensor: Tensor) -> Int {
    adapter.blocks.append(tensor)
    return adapter.blocks.count - 1
  }

  /// Adds a factor over a pool of its own.
  private mutating func add(_ pool: Pool, _ factor: Factor) -> Int {
    adapter.pools.append(pool)
    var factor = factor
    factor.pool = adapter.pools.count - 1
    adapter.factors.append(factor)
    return adapter.factors.count - 1
  }

  private mutating func add(_ term: Term, to target: Int) {
    adapter.targets[target].terms.append(term)
  }

  /// Adds one update.
  mutating func add(
    _ values: FittedItem, _ item: FitItem, _ pool: PublicPool?, _ blocks: PoolBlocks?
  ) {
    if let use = values.use, let pool, let blocks {
      let up = factor(
        .up, use.rows, pool.up.rows, chunks: pool.upChunks, width: item.outWidth, blocks.up)
      let down = factor(
        .down, use.columns, pool.down.rows, chunks: pool.downChunks, width: item.inWidth,
        blocks.down)
      let core = add(
        Tensor(
          rounded: values.core.elements,
          shape: pool.isDiagonal
            ? [values.core.columns] : [values.core.rows, values.core.columns],
          dtype: use.coreType.dtype))
      add(
        Term(
          scaling: 1, down: down, up: up,
          core: pool.isDiagonal ? .diagonal(block: core) : .dense(block: core)),
        to: item.target)
    }
    guard !values.types.isEmpty else {
      if values.use == nil { addEmptyTerm(item) }
      return
    }
    var term = PrivateTerm(target: item.target, outWidth: item.outWidth, inWidth: item.inWidth)
    for (pair, type) in values.types.enumerated() {
      let up = PrivateKey(length: item.outWidth, type: type)
      let down = PrivateKey(length: item.inWidth, type: type)
      append(values.ups[(pair * item.outWidth)..<((pair + 1) * item.outWidth)], up, to: &term.up)
      append(
        values.downs[(pair * item.inWidth)..<((pair + 1) * item.inWidth)], down, to: &term.down)
    }
    privateTerms.append(term)
  }

  /// An update that is zero still has a term: one without vectors.
  private mutating func addEmptyTerm(_ item: FitItem) {
    func factor(_ side: Factor.Side, _ width: Int) -> Int {
      let block = add(Tensor(rounded: [], shape: [0, width], dtype: .f32))
      let range = PoolRange(block: block, axis: .rows, first: 0, count: 0)
      return add(
        Pool(shardLength: width, ranges: [range]),
        Factor(side: side, rank: 0, width: width, pool: 0))
    }
    let (up, down) = (factor(.up, item.outWidth), factor(.down, item.inWidth))
    add(Term(scaling: 1, down: down, up: up), to: item.target)
  }

  private mutating func append(
    _ vector: ArraySlice<Float>, _ key: PrivateKey,
    to runs: inout [(key: PrivateKey, first: Int, count: Int)]
  ) {
    let first = (privates[key]?.count ?? 0) / max(key.length, 1)
    privates[key, default: []] += vector
    if let last = runs.last, last.key == key, last.first + last.count == first {
      runs[runs.count - 1].count += 1
    } else {
      runs.append((key, first, 1))
    }
  }

  /// Adds the private blocks and their terms.
  consuming func finish() -> Adapter {
    var numbers: [PrivateKey: Int] = [:]
    for (key, vectors) in privates.sorted(by: { $0.key < $1.key }) {
      numbers[key] = add(
        Tensor(
          rounded: vectors.map { Double($0) }, shape: [vectors.count / key.length, key.length],
          dtype: key.type.dtype))
    }
    for term in privateTerms {
      func ranges(_ runs: [(key: PrivateKey, first: Int, count: Int)]) -> [PoolRange] {
        runs.map {
          PoolRange(block: numbers[$0.key] ?? 0, axis: .rows, first: $0.first, count: $0.count)
        }
      }
      let rank = term.up.reduce(0) { $0 + $1.count }
      let up = add(
        Pool(shardLength: term.outWidth, ranges: ranges(term.up)),
        Factor(side: .up, rank: rank, width: term.outWidth, pool: 0))
      let down = add(
        Pool(shardLength: term.inWidth, ranges: ranges(term.down)),
        Factor(side: .down, rank: rank, width: term.inWidth, pool: 0))
      add(Term(scaling: 1, down: down, up: up), to: term.target)
    }
    return adapter
  }

  /// A factor that takes rows of the effective basis of a pool.
  private mutating func factor(
    _ side: Factor.Side, _ rows: [Int], _ vectorCount: Int, chunks: Int, width: Int,
    _ vectors: VectorBlocks
  ) -> Int {
    let blocks = vectors.tensors.map { add($0) }
    let ranges = zip(blocks, vectors.counts).map { block, count in
      PoolRange(block: block, axis: .rows, visibility: .shared, first: 0, count: count)
    }
    var factor = Factor(
      side: side, rank: rows.count, width: width, chunkCount: chunks, pool: 0)
    if chunks == 1, rows.isRun {
      if let first = rows.first, first > 0 {
        factor.indices = .affine(
          offset: UInt32(first), rowStep: 1, chunkStep: 0, modulus: UInt32(vectorCount))
      }
    } else {
      let table = rows.flatMap { row in
        (0..<chunks).map { $0 == row / vectorCount ? row % vectorCount : nil }
      }
      factor.indices = .explicit(
        block: add(Tensor(indices: table, vectorCount: vectorCount)))
    }
    return add(Pool(shardLength: width / chunks, ranges: ranges), factor)
  }
}
