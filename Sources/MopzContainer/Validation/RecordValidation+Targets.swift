import MopzAdapters
import MopzTensors

extension RecordValidation {
  /// UPD-1 to UPD-4.
  func validateTerms() throws(ContainerError) {
    for index in 0..<record.count(.terms) {
      let term = record.term(index)
      guard term.down < record.count(.factors), term.up < record.count(.factors) else {
        throw error(.termSides, .terms, index)
      }
      let down = record.factor(Int(term.down))
      let up = record.factor(Int(term.up))
      guard down.side == Factor.Side.down.rawValue, up.side == Factor.Side.up.rawValue else {
        throw error(.termSides, .terms, index)
      }
      guard Double(bitPattern: term.scaling).isFinite else {
        throw error(.termScaling, .terms, index)
      }
      guard hasSoundCore(term, down: down, up: up) else {
        throw error(.termCore, .terms, index)
      }
      guard isScale(term.outScaleBlock, width: up.width),
        isScale(term.inScaleBlock, width: down.width)
      else { throw error(.termScales, .terms, index) }
    }
  }

  private func hasSoundCore(_ term: TermRow, down: FactorRow, up: FactorRow) -> Bool {
    guard let kind = TermRow.CoreKind(rawValue: term.coreKind) else { return false }
    switch kind {
    case .identity: return down.rank == up.rank && term.coreBlock == FormatConstants.none
    case .diagonal:
      guard let block = realBlock(term.coreBlock) else { return false }
      return down.rank == up.rank && elementCount(of: block) == UInt64(down.rank)
    case .dense:
      guard let block = realBlock(term.coreBlock) else { return false }
      return elementCount(of: block) == UInt64(down.rank) * UInt64(up.rank)
    }
  }

  private func isScale(_ index: UInt32, width: UInt64) -> Bool {
    if index == FormatConstants.none { return true }
    guard let block = realBlock(index) else { return false }
    return elementCount(of: block) == width
  }

  /// UPD-5 to UPD-11.
  func validateTargets() throws(ContainerError) {
    var terms = 0
    var operands = 0
    var scalars = 0
    for index in 0..<record.count(.targets) {
      let target = record.target(index)
      try advance(&terms, over: target.terms, in: .terms, at: index)
      try advance(&operands, over: target.operands, in: .operands, at: index)
      try advance(&scalars, over: target.scalars, in: .scalars, at: index)
      guard let kind = UpdateKind(rawValue: target.kind),
        let layout = Layout(rawValue: target.layout),
        ModuleNaming(rawValue: target.naming) != nil,
        target.module.length > 0 || target.parameter.length > 0,
        layout == .expertSlice || target.layoutIndex == 0
      else { throw error(.targetCodes, .targets, index) }
      let needs = TargetNeeds(kind)
      guard needs.hasTerms == (target.terms.count > 0) else {
        throw error(.targetTerms, .targets, index, .unknownCode(UInt64(target.terms.count)))
      }
      try validateWidths(of: target, at: index)
      try validateOperands(of: target, at: index, needs)
      try validateShapes(of: target, at: index, kind)
      try validateScalars(of: target, at: index, needs)
    }
    guard terms == record.count(.terms), operands == record.count(.operands),
      scalars == record.count(.scalars)
    else { throw .violation(.targetRuns, .task(task)) }
  }

  private func advance(
    _ next: inout Int, over run: TableRun, in section: RecordSection, at index: Int
  ) throws(ContainerError) {
    guard Int(run.first) == next, Int(run.count) <= record.count(section) - next else {
      throw error(
        .targetRuns, .targets, index, .mismatch(expected: UInt64(next), found: UInt64(run.first)))
    }
    next += Int(run.count)
  }

  private func validateWidths(of target: TargetRow, at index: Int) throws(ContainerError) {
    guard target.terms.count > 0 else { return }
    let first = record.term(Int(target.terms.first))
    let width = (record.factor(Int(first.down)).width, record.factor(Int(first.up)).width)
    for other in target.terms.range.dropFirst() {
      let term = record.term(other)
      guard record.factor(Int(term.down)).width == width.0,
        record.factor(Int(term.up)).width == width.1
      else { throw error(.targetWidths, .terms, other) }
    }
  }

  private func validateOperands(
    of target: TargetRow, at index: Int, _ needs: TargetNeeds
  ) throws(ContainerError) {
    var seen: UInt32 = 0
    for position in target.operands.range {
      let operand = record.operand(position)
      guard operand.role < 32, operand.block < record.count(.blocks),
        seen & 1 << UInt32(operand.role) == 0
      else { throw error(.targetOperands, .operands, position) }
      seen |= 1 << UInt32(operand.role)
    }
    guard needs.acceptsOperands(seen) else { throw error(.targetOperands, .targets, index) }
  }

  private func validateScalars(
    of target: TargetRow, at index: Int, _ needs: TargetNeeds
  ) throws(ContainerError) {
    var seen: UInt32 = 0
    for position in target.scalars.range {
      let scalar = record.scalar(position)
      guard scalar.role < 32, seen & 1 << UInt32(scalar.role) == 0,
        Double(bitPattern: scalar.value).isFinite
      else { throw error(.targetScalars, .scalars, position) }
      seen |= 1 << UInt32(scalar.role)
    }
    guard needs.acceptsScalars(seen) else { throw error(.targetScalars, .targets, index) }
  }

  /// UPD-10.
  private func validateShapes(
    of target: TargetRow, at index: Int, _ kind: UpdateKind
  ) throws(ContainerError) {
    let isSound: Bool
    switch kind {
    case .magnitude:
      let up = record.factor(Int(record.term(Int(target.terms.first)).up))
      let magnitude = realOperand(.magnitude, of: target)
      isSound = magnitude.map { elementCount(of: $0) == up.width } ?? false
    case .denseDelta: isSound = realOperand(.value, of: target) != nil
    case .rowReplacement:
      guard let indices = operand(.indices, of: target), let value = operand(.value, of: target),
        DType(rawValue: indices.dtype)?.isInteger == true, value.dimensionCount >= 1
      else { throw error(.operandShapes, .targets, index) }
      isSound = record.dimension(Int(value.firstDimension)) == elementCount(of: indices)
    default: return
    }
    guard isSound else { throw error(.operandShapes, .targets, index) }
  }

  private func operand(_ role: Operand.Role, of target: TargetRow) -> BlockRow? {
    for position in target.operands.range {
      let operand = record.operand(position)
      if operand.role == role.rawValue { return record.block(Int(operand.block)) }
    }
    return nil
  }

  private func realOperand(_ role: Operand.Role, of target: TargetRow) -> BlockRow? {
    guard let block = operand(role, of: target), DType(rawValue: block.dtype)?.isReal == true
    else { return nil }
    return block
  }
}
