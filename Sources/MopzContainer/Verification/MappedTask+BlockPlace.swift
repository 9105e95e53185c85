import MopzTensors

extension MappedTask {
  /// What a block is in the task: a tensor, a file, a part of a target, or else its number.
  ///
  /// - Complexity: O(length of the record).
  func location(ofBlock block: Int) -> FormatLocation {
    let reader = reader
    for index in 0..<tensorCount {
      let row = reader.sourceTensor(index)
      if row.contentKind == SourceTensorRow.blockContent, Int(row.content) == block {
        return .tensor(task: name, name: reader.string(row.name))
      }
    }
    let number = UInt32(clamping: block)
    for index in 0..<layout.count(.files) where reader.file(index).block == number {
      return .sourceFile(task: name, name: reader.string(reader.file(index).name))
    }
    if reader.header.baseBlock == number { return .baseRecord(task: name) }
    let factors = Set((0..<layout.count(.factors)).filter { uses(number, factor: $0) })
    for index in 0..<tensorCount {
      let row = reader.sourceTensor(index)
      if row.contentKind != SourceTensorRow.blockContent, factors.contains(Int(row.content)) {
        return .tensor(task: name, name: reader.string(row.name))
      }
    }
    for index in 0..<layout.count(.targets) where uses(number, factors, target: index) {
      let row = reader.target(index)
      let parts = [reader.string(row.module), reader.string(row.parameter)]
      return .target(task: name, name: parts.filter { !$0.isEmpty }.joined(separator: "."))
    }
    if let factor = factors.min() { return .row(task: name, section: .factors, index: factor) }
    return .block(task: name, index: block)
  }

  /// Whether a factor is made of a block, or chosen or mixed by one.
  private func uses(_ block: UInt32, factor index: Int) -> Bool {
    let reader = reader
    let row = reader.factor(index)
    if row.indexBlock == block || row.mixingBlock == block { return true }
    let pool = reader.pool(Int(row.pool))
    let first = Int(pool.firstRange)
    return (first..<(first + Int(pool.rangeCount))).contains { reader.poolRange($0).block == block }
  }

  /// Whether a target has a block as an operand, a core or a scale, or in one of its factors.
  private func uses(_ block: UInt32, _ factors: Set<Int>, target index: Int) -> Bool {
    let reader = reader
    let row = reader.target(index)
    for operand in row.operands.range where reader.operand(operand).block == block { return true }
    for index in row.terms.range {
      let term = reader.term(index)
      let blocks = [term.coreBlock, term.outScaleBlock, term.inScaleBlock]
      if blocks.contains(block) || factors.contains(Int(term.down))
        || factors.contains(Int(term.up))
      {
        return true
      }
    }
    return false
  }
}
