/// The entries of an adapter's tables that something uses.
struct AdapterUses {
  var blocks: Set<Int> = []
  private(set) var pools: Set<Int> = []
  private(set) var factors: Set<Int> = []

  /// Adds what a target uses.
  mutating func add(_ target: TargetUpdate, of adapter: Adapter) {
    for term in target.terms {
      add(factor: term.down, of: adapter)
      add(factor: term.up, of: adapter)
      blocks.formUnion([term.core.block, term.outScaleBlock, term.inScaleBlock].compactMap(\.self))
    }
    blocks.formUnion(target.operands.map(\.block))
  }

  /// Adds a factor with its pool and its tables.
  mutating func add(factor index: Int, of adapter: Adapter) {
    guard factors.insert(index).inserted else { return }
    let factor = adapter.factors[index]
    blocks.formUnion([factor.indices.block, factor.mixing.block].compactMap(\.self))
    guard pools.insert(factor.pool).inserted else { return }
    blocks.formUnion(adapter.pools[factor.pool].ranges.map(\.block))
  }
}

extension Set<Int> {
  /// The place that each used entry of a table has once the others are gone.
  func places(of count: Int) -> [Int] {
    var next = 0
    return (0..<count).map { index in
      defer { if contains(index) { next += 1 } }
      return next
    }
  }
}

extension Term.Core {
  /// The block that holds the core, if it has one.
  public var block: Int? {
    switch self {
    case .identity: nil
    case .diagonal(let block), .dense(let block): block
    }
  }

  fileprivate func renumbered(_ blocks: [Int]) -> Term.Core {
    switch self {
    case .identity: .identity
    case .diagonal(let block): .diagonal(block: blocks[block])
    case .dense(let block): .dense(block: blocks[block])
    }
  }
}

extension Factor.Indices {
  /// The block of an explicit table.
  public var block: Int? {
    if case .explicit(let block) = self { block } else { nil }
  }

  fileprivate func renumbered(_ blocks: [Int]) -> Factor.Indices {
    if case .explicit(let block) = self { .explicit(block: blocks[block]) } else { self }
  }
}

extension Factor.Mixing {
  /// The block of the weights.
  public var block: Int? {
    switch self {
    case .none: nil
    case .weights(let block), .complement(let block), .softmaxTop(let block): block
    }
  }

  fileprivate func renumbered(_ blocks: [Int]) -> Factor.Mixing {
    switch self {
    case .none: .none
    case .weights(let block): .weights(block: blocks[block])
    case .complement(let block): .complement(block: blocks[block])
    case .softmaxTop(let block): .softmaxTop(block: blocks[block])
    }
  }
}

extension Pool {
  /// The pool with other numbers for its blocks.
  func renumbered(_ blocks: [Int]) -> Pool {
    var result = self
    for index in ranges.indices { result.ranges[index].block = blocks[ranges[index].block] }
    return result
  }
}

extension Factor {
  /// The factor with other numbers for its blocks and its pool.
  func renumbered(_ blocks: [Int], _ pools: [Int]) -> Factor {
    var result = self
    result.pool = pools[pool]
    result.indices = indices.renumbered(blocks)
    result.mixing = mixing.renumbered(blocks)
    return result
  }
}

extension TargetUpdate {
  /// The target with other numbers for its blocks and factors.
  func renumbered(_ blocks: [Int], _ factors: [Int]) -> TargetUpdate {
    var result = self
    for index in terms.indices {
      result.terms[index].down = factors[terms[index].down]
      result.terms[index].up = factors[terms[index].up]
      result.terms[index].core = terms[index].core.renumbered(blocks)
      result.terms[index].outScaleBlock = terms[index].outScaleBlock.map { blocks[$0] }
      result.terms[index].inScaleBlock = terms[index].inScaleBlock.map { blocks[$0] }
    }
    for index in operands.indices { result.operands[index].block = blocks[operands[index].block] }
    return result
  }
}
