import MopzLinearAlgebra

/// What a pass gives, some rows at a time, since logits over a vocabulary are large.
struct ForwardOutputs: Sendable {
  private let states: Activations
  private let head: GroupedLinear?
  private let softcap: Float?
  private let order: Engine.SumOrder
  private let engine: Engine

  init(
    states: Activations, head: GroupedLinear?, softcap: Float?, _ order: Engine.SumOrder,
    _ engine: Engine
  ) {
    self.states = states
    self.head = head
    self.softcap = softcap
    self.order = order
    self.engine = engine
  }

  /// The number of rows: of tokens, or of sequences for labels.
  var rows: Int { states.rows }

  /// The number of outputs of a row.
  var columns: Int { head?.outFeatures ?? states.columns }

  /// The number of rows whose outputs take a moderate amount of memory.
  var blockLength: Int { max(1, min(256, (8 << 20) / max(columns, 1))) }

  /// Writes the outputs of a range of rows to the front of `target`.
  func write(_ range: Range<Int>, into target: Activations) {
    precondition(target.rows >= range.count && target.columns == columns)
    guard let head else {
      for (index, row) in range.enumerated() {
        var values = target.mutableRow(index)
        let source = states.row(row)
        for i in source.indices { values[i] = source[i] }
      }
      return
    }
    engine.apply(
      [head.clipped(to: range)], to: states.rows(range), into: target.rows(0..<range.count),
      order: order)
    guard let softcap else { return }
    engine.forEachRows(range.count, of: 4) { rows in
      for row in rows {
        var values = target.mutableRow(row)
        ElementaryKernel.best.apply(.tanh(slope: 1 / softcap), to: &values)
        for i in values.indices { values[i] *= softcap }
      }
    }
  }
}
