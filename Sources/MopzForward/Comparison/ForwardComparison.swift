import MopzBytes
import MopzLinearAlgebra

/// Base, adapted model, merge and ideal merge side by side on the same tokens.
///
/// The sides go through the blocks together, so that they can be compared after each one and
/// nothing but the present hidden states is kept; outputs are compared some rows at a time.
struct ForwardComparison {
  /// The tokens that go through a block at a time, unless one sequence is longer.
  static let chunkLength = 1024
  /// The tokens that the noise floor is measured on, unless the first sequence is longer.
  static let noiseLength = 256

  let model: ModelDescription
  /// The merge's own, whose head may be untied.
  let mergedModel: ModelDescription
  let base: ModelVariant
  let adapted: ModelVariant
  /// Nil if the ideal merge stands for it.
  let merged: ModelVariant?
  let ideal: ModelVariant
  let tokens: TokenSequences
  let threads: WorkerThreads

  private(set) var metrics = OutputMetrics()
  private(set) var layers: [LayerSums] = []
  private(set) var noiseSquares = 0.0
  private(set) var noiseCount = 0

  init(
    _ model: ModelDescription, mergedModel: ModelDescription, base: ModelVariant,
    adapted: ModelVariant, merged: ModelVariant?, ideal: ModelVariant, tokens: TokenSequences,
    threads: WorkerThreads
  ) {
    self.model = model
    self.mergedModel = mergedModel
    self.base = base
    self.adapted = adapted
    self.merged = merged
    self.ideal = ideal
    self.tokens = tokens
    self.threads = threads
    layers = Array(repeating: LayerSums(), count: model.blocks.count)
  }

  var noiseFloor: Double {
    noiseCount == 0 ? 0 : (noiseSquares / Double(noiseCount)).squareRoot()
  }

  /// Runs everything.
  ///
  /// - Parameter progress: Called with the number of blocks and of rows that are done.
  mutating func run(
    progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
  ) throws(ForwardError) {
    MatrixProduct.setThreadCount(1)
    let chunks = chunks(of: Self.chunkLength)
    let engine = Engine(threads: threads)
    let total = chunks.count * (model.blocks.count + 1)
    var done = 0
    for (index, chunk) in chunks.enumerated() {
      let part = tokens.part(chunk)
      try compare(part, engine) {
        done += 1
        progress?(done, total)
      }
      if index == 0 { try measureNoise(engine) }
    }
  }

  /// Runs of whole sequences of about a number of tokens.
  private func chunks(of length: Int) -> [Range<Int>] {
    var chunks: [Range<Int>] = []
    var (start, count) = (0, 0)
    for (index, ids) in tokens.sequences.enumerated() {
      if index > start, count + ids.count > length {
        chunks.append(start..<index)
        (start, count) = (index, 0)
      }
      count += ids.count
    }
    if start < tokens.sequences.count { chunks.append(start..<tokens.sequences.count) }
    return chunks
  }

  private func pass(
    _ model: ModelDescription, _ variant: ModelVariant, _ part: TokenSequences, _ engine: Engine,
    order: Engine.SumOrder = .plain
  ) throws(ForwardError) -> ForwardPass {
    let layout = TokenLayout(part, tasks: part.sequences.map { _ in 0 })
    return try ForwardPass(
      model, [variant], layout: layout, longest: tokens.longest, engine: engine, order: order)
  }

  private mutating func compare(
    _ part: TokenSequences, _ engine: Engine, step: () -> Void
  ) throws(ForwardError) {
    var base = try pass(model, base, part, engine)
    var adapted = try pass(model, adapted, part, engine)
    var ideal = try pass(model, ideal, part, engine)
    var merged: ForwardPass?
    if let variant = self.merged { merged = try pass(mergedModel, variant, part, engine) }
    let visible = base.layout.isVisible
    for layer in model.blocks.indices {
      try base.advance()
      try adapted.advance()
      try ideal.advance()
      try merged?.advance()
      let idealSquares = LayerSums.squares(ideal.hidden, adapted.hidden, visible)
      layers[layer].count +=
        (visible?.count { $0 } ?? part.count) * model.hiddenSize
      layers[layer].effect += LayerSums.squares(adapted.hidden, base.hidden, visible)
      layers[layer].ideal += idealSquares
      guard let merged else {
        layers[layer].residual += idealSquares
        step()
        continue
      }
      layers[layer].residual += LayerSums.squares(merged.hidden, adapted.hidden, visible)
      layers[layer].deviation += LayerSums.squares(merged.hidden, ideal.hidden, visible)
      step()
    }
    let idealOutputs = try ideal.finished()
    try compareOutputs(
      base.finished(), adapted.finished(), merged?.finished() ?? idealOutputs, idealOutputs,
      layout: adapted.layout)
    step()
  }

  private mutating func compareOutputs(
    _ base: ForwardOutputs, _ adapted: ForwardOutputs, _ merged: ForwardOutputs,
    _ ideal: ForwardOutputs, layout: TokenLayout
  ) throws(ForwardError) {
    let length = min(adapted.blockLength, adapted.rows)
    let isPerToken = adapted.rows == layout.ids.count && !isLabels
    let next = isPerToken && isVocabulary ? layout.nextIDs : []
    func buffer() -> Activations { Activations(rows: length, columns: adapted.columns) }
    let (baseRows, adaptedRows, mergedRows, idealRows) = (buffer(), buffer(), buffer(), buffer())
    for first in stride(from: 0, to: adapted.rows, by: length) {
      do { try Cancellation.check() } catch { throw .interrupted(error) }
      let rows = first..<min(first + length, adapted.rows)
      base.write(rows, into: baseRows)
      adapted.write(rows, into: adaptedRows)
      merged.write(rows, into: mergedRows)
      ideal.write(rows, into: idealRows)
      let isDistribution = isVocabulary || isLabels
      let parts = threads.map(rows.count) { index -> OutputMetrics in
        var part = OutputMetrics()
        let row = rows.lowerBound + index
        if isPerToken, let visible = layout.isVisible, !visible[row] { return part }
        part.add(
          OutputMetrics.Row(
            base: baseRows.row(index), adapted: adaptedRows.row(index),
            merged: mergedRows.row(index), ideal: idealRows.row(index)),
          isDistribution: isDistribution, next: next.isEmpty ? nil : next[row])
        return part
      }
      for part in parts { metrics.add(part) }
    }
  }

  var isVocabulary: Bool { if case .vocabulary = model.head { true } else { false } }
  var isLabels: Bool { if case .labels = model.head { true } else { false } }

  /// Runs the adapted model on the first sequences once more with the sums in another order.
  private mutating func measureNoise(_ engine: Engine) throws(ForwardError) {
    let part = tokens.part(chunks(of: Self.noiseLength)[0])
    var plain = try pass(model, adapted, part, engine)
    var other = try pass(model, adapted, part, engine, order: .halves)
    for layer in model.blocks.indices {
      try plain.advance()
      try other.advance()
      layers[layer].noiseCount += part.count * model.hiddenSize
      layers[layer].noise += LayerSums.squares(plain.hidden, other.hidden, nil)
    }
    let (a, b) = (try plain.finished(), try other.finished())
    let length = min(a.blockLength, a.rows)
    let left = Activations(rows: length, columns: a.columns)
    let right = Activations(rows: length, columns: a.columns)
    for first in stride(from: 0, to: a.rows, by: length) {
      let rows = first..<min(first + length, a.rows)
      a.write(rows, into: left)
      b.write(rows, into: right)
      noiseSquares += LayerSums.squares(
        left.rows(0..<rows.count), right.rows(0..<rows.count), nil)
      noiseCount += rows.count * a.columns
    }
  }
}

extension TokenLayout {
  /// The id that follows each row in its sequence; nil at the end.
  var nextIDs: [Int?] {
    sequences.flatMap { rows in
      rows.map { $0 + 1 < rows.upperBound ? ids[$0 + 1] : nil }
    }
  }
}
