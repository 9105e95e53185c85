import MopzAdapters

/// The blocks of an adapter in the order in which its tables first use them.
///
/// - Specification: §11 of `spec/mopz.md`, CAN-5.
struct BlockUses {
  /// Indices into the adapter's blocks, each once.
  private(set) var order: [Int] = []
  private var isUsed: [Bool]
  private let task: String

  /// Walks all tables.
  ///
  /// - Throws: ``ContainerError`` if a table names a block that the adapter lacks.
  init(_ adapter: Adapter) throws(ContainerError) {
    isUsed = [Bool](repeating: false, count: adapter.blocks.count)
    task = adapter.name
    for (index, file) in adapter.files.enumerated() {
      try use(file.block, .fileBlock, .files, index)
    }
    for (index, tensor) in adapter.sourceTensors.enumerated() {
      if case .block(let block) = tensor.content {
        try use(block, .tensorContent, .sourceTensors, index)
      }
    }
    for (index, pool) in adapter.pools.enumerated() {
      for range in pool.ranges { try use(range.block, .rangeBlock, .pools, index) }
    }
    for (index, factor) in adapter.factors.enumerated() { try use(factor, index) }
    for target in adapter.targets {
      for (index, term) in target.terms.enumerated() { try use(term, index) }
    }
    for (index, target) in adapter.targets.enumerated() {
      for operand in target.operands { try use(operand.block, .targetOperands, .targets, index) }
    }
    if let block = adapter.baseRecordBlock {
      guard adapter.blocks.indices.contains(block) else {
        throw .violation(.baseBlock, .task(task))
      }
      use(block)
    }
  }

  private mutating func use(_ block: Int) {
    guard !isUsed[block] else { return }
    isUsed[block] = true
    order.append(block)
  }

  private mutating func use(
    _ block: Int?, _ rule: FormatRule, _ section: RecordSection, _ index: Int
  ) throws(ContainerError) {
    guard let block else { return }
    guard isUsed.indices.contains(block) else {
      throw .violation(
        rule, .row(task: task, section: section, index: index),
        .exceeds(UInt64(clamping: block), limit: UInt64(isUsed.count)))
    }
    use(block)
  }

  private mutating func use(_ factor: Factor, _ index: Int) throws(ContainerError) {
    if case .explicit(let block) = factor.indices {
      try use(block, .explicitIndices, .factors, index)
    }
    switch factor.mixing {
    case .none: break
    case .weights(let block), .complement(let block), .softmaxTop(let block):
      try use(block, .mixingBlock, .factors, index)
    }
  }

  private mutating func use(_ term: Term, _ index: Int) throws(ContainerError) {
    switch term.core {
    case .identity: break
    case .diagonal(let block), .dense(let block): try use(block, .termCore, .terms, index)
    }
    try use(term.outScaleBlock, .termScales, .terms, index)
    try use(term.inScaleBlock, .termScales, .terms, index)
  }
}
