import MopzBytes

/// One model on its way through some tokens, block by block.
///
/// Every sequence may have a task of its own: variants of one base, whose adapters act on
/// their own rows, in one pass.
struct ForwardPass {
  let model: ModelDescription
  let variants: [ModelVariant]
  let layout: TokenLayout
  let engine: Engine
  let order: Engine.SumOrder
  private let rotation: HeadRotation
  /// The hidden states, `[tokens, hiddenSize]`.
  let hidden: Activations
  /// The number of blocks that are done.
  private(set) var blockCount = 0

  /// Embeds the tokens.
  ///
  /// - Parameter longest: The length of the longest sequence of the whole run, which some
  ///   rotations depend on.
  init(
    _ model: ModelDescription, _ variants: [ModelVariant], layout: TokenLayout, longest: Int,
    engine: Engine, order: Engine.SumOrder = .plain
  ) throws(ForwardError) {
    self.model = model
    self.variants = variants
    self.layout = layout
    self.engine = engine
    self.order = order
    rotation = HeadRotation(model.rotation, longest: longest)
    hidden = Activations(rows: layout.ids.count, columns: model.hiddenSize)
    try embed()
  }

  private func embed() throws(ForwardError) {
    let embeddings = model.embeddings
    for (task, rows) in layout.groups {
      let variant = variants[task]
      try variant.addEmbeddings(
        embeddings.tokens, ids: Array(layout.ids[rows]), count: model.vocabularySize, to: hidden,
        firstRow: rows.lowerBound)
      if let name = embeddings.positions {
        let numbers = positionNumbers
        try variant.addEmbeddings(
          name, ids: Array(numbers[rows]), count: embeddings.positionCount, to: hidden,
          firstRow: rows.lowerBound)
      }
      if let name = embeddings.tokenTypes {
        try variant.addEmbeddings(
          name, ids: Array(repeating: 0, count: rows.count), count: embeddings.tokenTypeCount,
          to: hidden, firstRow: rows.lowerBound)
      }
    }
    if embeddings.scale != 1 {
      for row in 0..<hidden.rows {
        var values = hidden.mutableRow(row)
        for i in values.indices { values[i] *= embeddings.scale }
      }
    }
    if let norm = embeddings.norm {
      engine.normalize(hidden, by: try grouped(norm, size: model.hiddenSize), into: hidden)
    }
  }

  /// The rows of the position embedding.
  private var positionNumbers: [Int] {
    guard case .afterPadding(let padding) = model.embeddings.numbering else {
      return layout.positions
    }
    var numbers: [Int] = []
    for rows in layout.sequences {
      var count = 0
      for row in rows {
        if layout.ids[row] != padding { count += 1 }
        numbers.append(layout.ids[row] == padding ? padding : padding + count)
      }
    }
    return numbers
  }

  private func grouped(
    _ norm: ModelDescription.Norm, size: Int
  ) throws(ForwardError) -> GroupedNorm {
    var parts: [(rows: Range<Int>, norm: PreparedNorm)] = []
    for (task, rows) in layout.groups {
      parts.append((rows, try PreparedNorm(norm, size: size, of: variants[task])))
    }
    return GroupedNorm(parts: parts)
  }

  private func grouped(
    _ layer: ModelDescription.Linear, sequenceWise: Bool = false
  ) throws(ForwardError) -> GroupedLinear {
    var prepared: [Int: PreparedLinear] = [:]
    var parts: [(rows: Range<Int>, linear: PreparedLinear)] = []
    for (task, rows) in sequenceWise ? layout.sequenceGroups : layout.groups {
      let linear: PreparedLinear
      if let known = prepared[task] {
        linear = known
      } else {
        linear = try variants[task].linear(layer)
        prepared[task] = linear
      }
      parts.append((rows, linear))
    }
    return GroupedLinear(parts)
  }

  private func grouped(
    _ layers: [ModelDescription.Linear]
  ) throws(ForwardError) -> [GroupedLinear] {
    var result: [GroupedLinear] = []
    for layer in layers { result.append(try grouped(layer)) }
    return result
  }

  // MARK: Blocks

  /// Goes through the next block.
  ///
  /// - Precondition: There is one.
  mutating func advance() throws(ForwardError) {
    do { try Cancellation.check() } catch { throw .interrupted(error) }
    let block = model.blocks[blockCount]
    blockCount += 1
    try residual(block.attentionNorms) { (x, y) throws(ForwardError) in
      try attend(block.attention, x, into: y)
    }
    try residual(block.mlpNorms) { (x, y) throws(ForwardError) in
      try transform(block.mlp, x, into: y)
    }
  }

  /// `hidden = sumNorm(hidden + outputNorm(body(inputNorm(hidden))))`.
  private func residual(
    _ norms: ModelDescription.Block.Norms,
    _ body: (Activations, Activations) throws(ForwardError) -> Void
  ) throws(ForwardError) {
    try engine.scratch.withScratch(rows: hidden.rows, columns: hidden.columns) {
      (y) throws(ForwardError) in
      if let norm = norms.input {
        let prepared = try grouped(norm, size: hidden.columns)
        try engine.scratch.withScratch(rows: hidden.rows, columns: hidden.columns) {
          (x) throws(ForwardError) in
          engine.normalize(hidden, by: prepared, into: x)
          try body(x, y)
        }
      } else {
        try body(hidden, y)
      }
      if let norm = norms.output {
        engine.normalize(y, by: try grouped(norm, size: hidden.columns), into: y)
      }
      engine.add(y, to: hidden)
      if let norm = norms.sum {
        engine.normalize(hidden, by: try grouped(norm, size: hidden.columns), into: hidden)
      }
    }
  }

  private func attend(
    _ attention: ModelDescription.Attention, _ x: Activations, into y: Activations
  ) throws(ForwardError) {
    let inputs = try grouped(attention.inputs)
    let (headCount, keyCount) = (attention.headCount, attention.keyHeadCount)
    let size = attention.headSize
    let queryNorm = try attention.queryNorm.map { (norm) throws(ForwardError) in
      try grouped(norm, size: size)
    }
    let keyNorm = try attention.keyNorm.map { (norm) throws(ForwardError) in
      try grouped(norm, size: size)
    }
    let output = try grouped(attention.output)
    engine.scratch.withScratch(rows: x.rows, columns: (headCount + 2 * keyCount) * size) { heads in
      engine.apply(inputs, to: x, into: heads, order: order)
      engine.prepareHeads(
        heads, column: 0, count: headCount, size: size, norm: queryNorm, rotation: rotation,
        positions: layout.positions)
      engine.prepareHeads(
        heads, column: headCount * size, count: keyCount, size: size, norm: keyNorm,
        rotation: rotation, positions: layout.positions)
      engine.scratch.withScratch(rows: x.rows, columns: headCount * size) { mixed in
        AttentionProducts(
          attention: attention, isCausal: model.isCausal, sequences: layout.sequences,
          isVisible: layout.isVisible
        ).run(heads, into: mixed, on: engine)
        engine.apply([output], to: mixed, into: y, order: order)
      }
    }
  }

  private func transform(
    _ mlp: ModelDescription.MLP, _ x: Activations, into y: Activations
  ) throws(ForwardError) {
    let inputs = try grouped(mlp.inputs)
    let output = try grouped(mlp.output)
    let width = mlp.output.inFeatures
    engine.scratch.withScratch(rows: x.rows, columns: width * inputs.count) { inner in
      engine.apply(inputs, to: x, into: inner, order: order)
      engine.activate(inner, mlp.activation, width: width)
      engine.apply([output], to: inner.firstColumns(width), into: y, order: order)
    }
  }

  // MARK: Outputs

  /// Makes ready what follows the blocks.
  func finished() throws(ForwardError) -> ForwardOutputs {
    if let norm = model.finalNorm {
      engine.normalize(hidden, by: try grouped(norm, size: model.hiddenSize), into: hidden)
    }
    switch model.head {
    case .hiddenStates:
      return ForwardOutputs(states: hidden, head: nil, softcap: nil, order, engine)
    case .vocabulary(let layer, let softcap):
      return ForwardOutputs(
        states: hidden, head: try grouped(layer), softcap: softcap, order, engine)
    case .labels(let layers):
      var states = Activations(rows: layout.sequences.count, columns: model.hiddenSize)
      for (index, rows) in layout.sequences.enumerated() {
        var target = states.mutableRow(index)
        let first = hidden.row(rows.lowerBound)
        for i in first.indices { target[i] = first[i] }
      }
      for (layer, activation) in layers {
        let next = Activations(rows: states.rows, columns: layer.outFeatures)
        engine.apply(
          [try grouped(layer, sequenceWise: true)], to: states, into: next, order: order)
        engine.activate(next, activation, width: layer.outFeatures)
        states = next
      }
      return ForwardOutputs(states: states, head: nil, softcap: nil, order, engine)
    }
  }
}
