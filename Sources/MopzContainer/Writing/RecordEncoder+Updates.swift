import MopzAdapters

extension RecordEncoder {
  mutating func encodePools() throws(ContainerError) {
    for (index, pool) in adapter.pools.enumerated() {
      tables.pools.append(
        PoolRow(
          shardLength: try longField(pool.shardLength, .shardLength, .pools, index),
          firstRange: try field(tables.poolRanges.count, .poolRanges, .pools, index),
          rangeCount: try field(pool.ranges.count, .poolRanges, .pools, index)))
      for range in pool.ranges {
        let place = tables.poolRanges.count
        tables.poolRanges.append(
          PoolRangeRow(
            block: self.place(range.block), axis: range.axis.rawValue,
            visibility: range.visibility.rawValue,
            first: try longField(range.first, .rangeBounds, .poolRanges, place),
            count: try longField(range.count, .rangeBounds, .poolRanges, place)))
      }
    }
  }

  mutating func encodeFactors() throws(ContainerError) {
    for (index, factor) in adapter.factors.enumerated() {
      var row = FactorRow(
        pool: try field(factor.pool, .factorCodes, .factors, index),
        rank: try field(factor.rank, .factorLimit, .factors, index),
        width: try longField(factor.width, .factorWidth, .factors, index),
        chunkCount: try field(factor.chunkCount, .factorLimit, .factors, index),
        mixCount: try field(factor.mixCount, .factorLimit, .factors, index),
        side: factor.side.rawValue)
      switch factor.indices {
      case .identity: break
      case .affine(let offset, let rowStep, let chunkStep, let modulus):
        row.indexKind = FactorRow.IndexKind.affine.rawValue
        row.affineOffset = offset
        row.affineRowStep = rowStep
        row.affineChunkStep = chunkStep
        row.affineModulus = modulus
      case .explicit(let block):
        row.indexKind = FactorRow.IndexKind.explicit.rawValue
        row.indexBlock = place(block)
      }
      switch factor.mixing {
      case .none: break
      case .weights(let block): row.setMixing(.weights, place(block))
      case .complement(let block): row.setMixing(.complement, place(block))
      case .softmaxTop(let block): row.setMixing(.softmaxTop, place(block))
      }
      tables.factors.append(row)
    }
  }

  mutating func encodeTargets() throws(ContainerError) {
    for (index, target) in adapter.targets.enumerated() {
      let terms = try run(tables.terms.count, target.terms.count, index)
      let operands = try run(tables.operands.count, target.operands.count, index)
      let scalars = try run(tables.scalars.count, target.scalars.count, index)
      let module = tables.strings.reference(to: target.module)
      tables.targets.append(
        TargetRow(
          module: module, parameter: tables.strings.reference(to: target.parameter),
          kind: target.kind.rawValue, layout: target.layout.rawValue,
          naming: target.naming.rawValue,
          layoutIndex: try field(target.layoutIndex, .targetCodes, .targets, index),
          terms: terms, operands: operands, scalars: scalars))
      for term in target.terms { try encode(term) }
      for operand in target.operands {
        tables.operands.append(
          OperandRow(role: operand.role.rawValue, block: place(operand.block)))
      }
      for scalar in target.scalars {
        tables.scalars.append(ScalarRow(role: scalar.role.rawValue, value: scalar.value))
      }
    }
  }

  private func run(_ first: Int, _ count: Int, _ index: Int) throws(ContainerError) -> TableRun {
    TableRun(
      first: try field(first, .targetRuns, .targets, index),
      count: try field(count, .targetRuns, .targets, index))
  }

  private mutating func encode(_ term: Term) throws(ContainerError) {
    let index = tables.terms.count
    let (kind, core): (TermRow.CoreKind, Int?) =
      switch term.core {
      case .identity: (.identity, nil)
      case .diagonal(let block): (.diagonal, block)
      case .dense(let block): (.dense, block)
      }
    let row = TermRow(
      scaling: term.scaling, down: try field(term.down, .termSides, .terms, index),
      up: try field(term.up, .termSides, .terms, index), coreKind: kind, coreBlock: place(core),
      outScaleBlock: place(term.outScaleBlock), inScaleBlock: place(term.inScaleBlock))
    tables.terms.append(row)
    if row.down < tables.factors.count {
      tables.rankMax = max(tables.rankMax, tables.factors[Int(row.down)].rank)
    }
  }
}

extension FactorRow {
  fileprivate mutating func setMixing(_ kind: MixingKind, _ block: UInt32) {
    mixingKind = kind.rawValue
    mixingBlock = block
  }
}
