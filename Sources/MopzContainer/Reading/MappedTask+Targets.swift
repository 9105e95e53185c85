public import MopzAdapters

extension MappedTask {
  /// Whether some target has a number beside its terms, such as the error of a fit.
  public var hasScalars: Bool { layout.count(.scalars) > 0 }

  /// What the task does to one parameter of the base.
  ///
  /// - Precondition: `index` is less than ``targetCount``.
  public func target(at index: Int) -> TargetUpdate {
    let reader = reader
    let row = reader.target(index)
    guard let kind = UpdateKind(rawValue: row.kind), let layout = Layout(rawValue: row.layout),
      let naming = ModuleNaming(rawValue: row.naming)
    else { preconditionFailure("codes are validated before a task exists") }
    return TargetUpdate(
      module: reader.string(row.module), parameter: reader.string(row.parameter), naming: naming,
      layout: layout, layoutIndex: Int(row.layoutIndex), kind: kind,
      terms: row.terms.range.map(term(at:)), operands: row.operands.range.map(operand(at:)),
      scalars: row.scalars.range.map(scalar(at:)))
  }

  private func term(at index: Int) -> Term {
    let row = reader.term(index)
    let core: Term.Core =
      switch TermRow.CoreKind(rawValue: row.coreKind) {
      case .diagonal: .diagonal(block: Int(row.coreBlock))
      case .dense: .dense(block: Int(row.coreBlock))
      default: .identity
      }
    return Term(
      scaling: Double(bitPattern: row.scaling), down: Int(row.down), up: Int(row.up), core: core,
      outScaleBlock: row.outScaleBlock == FormatConstants.none ? nil : Int(row.outScaleBlock),
      inScaleBlock: row.inScaleBlock == FormatConstants.none ? nil : Int(row.inScaleBlock))
  }

  private func operand(at index: Int) -> Operand {
    let row = reader.operand(index)
    guard let role = Operand.Role(rawValue: row.role) else {
      preconditionFailure("codes are validated before a task exists")
    }
    return Operand(role: role, block: Int(row.block))
  }

  private func scalar(at index: Int) -> Scalar {
    let row = reader.scalar(index)
    guard let role = Scalar.Role(rawValue: row.role) else {
      preconditionFailure("codes are validated before a task exists")
    }
    return Scalar(role: role, value: Double(bitPattern: row.value))
  }
}
