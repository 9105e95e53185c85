import MopzAdapters

/// Which blocks an update is made of.
enum FittedTensors {
  /// The blocks of a target's terms, ascending, each once.
  static func blocks(of target: TargetUpdate, in adapter: Adapter) -> [Int] {
    var blocks: Set<Int> = []
    for term in target.terms {
      for factor in [adapter.factors[term.down], adapter.factors[term.up]] {
        blocks.formUnion(self.blocks(of: factor, in: adapter))
      }
      switch term.core {
      case .identity: break
      case .diagonal(let block), .dense(let block): blocks.insert(block)
      }
      if let block = term.outScaleBlock { blocks.insert(block) }
      if let block = term.inScaleBlock { blocks.insert(block) }
    }
    return blocks.sorted()
  }

  /// The blocks of a factor: its pool's, and those of its tables.
  static func blocks(of factor: Factor, in adapter: Adapter) -> [Int] {
    var blocks = adapter.pools[factor.pool].ranges.map(\.block)
    if case .explicit(let block) = factor.indices { blocks.append(block) }
    switch factor.mixing {
    case .none: break
    case .weights(let block), .complement(let block), .softmaxTop(let block): blocks.append(block)
    }
    return blocks
  }
}
