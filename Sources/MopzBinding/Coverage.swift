import MopzAdapters

/// Checks that every tensor of an adapter is used.
///
/// Equal tensors may be one block; so uses are counted, and a block that two
/// tensors share has to be used twice at least.
struct Coverage {
  private let adapter: Adapter
  private var blockUses: [Int]
  private var factorUses: [Int]

  init(of adapter: Adapter) {
    self.adapter = adapter
    blockUses = Array(repeating: 0, count: adapter.blocks.count)
    factorUses = Array(repeating: 0, count: adapter.factors.count)
  }

  /// Counts what an update uses.
  mutating func use(_ update: TargetUpdate) {
    for term in update.terms {
      use(factor: term.down)
      use(factor: term.up)
      switch term.core {
      case .identity: break
      case .diagonal(let block), .dense(let block): blockUses[block] += 1
      }
      for block in [term.outScaleBlock, term.inScaleBlock] {
        if let block { blockUses[block] += 1 }
      }
    }
    for operand in update.operands { blockUses[operand.block] += 1 }
  }

  private mutating func use(factor index: Int) {
    factorUses[index] += 1
    let factor = adapter.factors[index]
    for range in adapter.pools[factor.pool].ranges { blockUses[range.block] += 1 }
    if case .explicit(let block) = factor.indices { blockUses[block] += 1 }
    switch factor.mixing {
    case .none: break
    case .weights(let block), .complement(let block), .softmaxTop(let block):
      blockUses[block] += 1
    }
  }

  /// - Throws: ``BindingError/unused(adapter:tensors:)``.
  func check() throws(BindingError) {
    var blocks = blockUses
    var factors = factorUses
    var unused: [String] = []
    for tensor in adapter.sourceTensors where tensor.disposition == .consumed {
      switch tensor.content {
      case .block(let block):
        if blocks[block] == 0 { unused.append(tensor.name) } else { blocks[block] -= 1 }
      case .factor(let factor):
        if factors[factor] == 0 { unused.append(tensor.name) } else { factors[factor] -= 1 }
      }
    }
    guard unused.isEmpty else { throw .unused(adapter: adapter.name, tensors: unused) }
  }
}
