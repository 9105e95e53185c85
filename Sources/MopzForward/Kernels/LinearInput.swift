import MopzBytes
import MopzLinearAlgebra
import MopzTensors

/// The input of layers, as their products take it.
struct LinearInput: Sendable {
  let x: Activations
  /// The rows in pieces; nil for the plain product.
  let split: SplitInput?
  let order: Engine.SumOrder

  /// The parts of the inner dimension that are summed one after the other.
  static func parts(of inner: Int, _ order: Engine.SumOrder) -> [Range<Int>] {
    let middle = order == .plain ? inner : inner / 2
    return [0..<middle, middle..<inner].filter { !$0.isEmpty }
  }
}

/// Rows of activations in pieces, see ``SplitProduct``.
struct SplitInput: Sendable {
  /// Some rows, over a part of the inner dimension.
  struct Part: Sendable {
    let rows: Range<Int>
    let inner: Range<Int>
    /// Where the strips begin in the memory.
    let start: Int
    let stripCount: Int

    var strips: Int {
      (rows.count + SplitProduct.stripLength - 1) / SplitProduct.stripLength
    }

    /// Where the strips end.
    var end: Int { start + strips * stripCount }

    /// The rows of a strip.
    func rows(ofStrip strip: Int) -> Range<Int> {
      let first = rows.lowerBound + strip * SplitProduct.stripLength
      return first..<min(first + SplitProduct.stripLength, rows.upperBound)
    }
  }

  let product: SplitProduct
  let parts: [Part]
  let memory: Activations

  func parts(of rows: Range<Int>) -> [Part] { parts.filter { $0.rows == rows } }
}

extension Engine {
  /// Calls `body` with ranges of rows of the input of layers in pieces; with nil if there is no
  /// such product, or it cannot have these rows.
  func withSplitInput(
    _ x: Activations, _ ranges: [Range<Int>], order: SumOrder, _ body: (SplitInput?) -> Void
  ) {
    guard let product = splitProduct, SplitProduct.supports(inner: x.columns) else {
      return body(nil)
    }
    var parts: [SplitInput.Part] = []
    var (start, places): (Int, [(part: Int, strip: Int)]) = (0, [])
    for rows in ranges {
      for inner in LinearInput.parts(of: x.columns, order) {
        let part = SplitInput.Part(
          rows: rows, inner: inner, start: start,
          stripCount: SplitProduct.stripCount(inner: inner.count))
        places += (0..<part.strips).map { (parts.count, $0) }
        start += part.strips * part.stripCount
        parts.append(part)
      }
    }
    let (split, work) = (parts, places)
    scratch.withScratch(rows: 1, columns: start) { memory in
      let isFinite = threads.map(work.count) { index in
        let (part, strip) = (split[work[index].part], work[index].strip)
        let first = part.start + strip * part.stripCount
        var target = memory.mutableRow(0, columns: first..<first + part.stripCount)
        return product.pack(
          x.matrix(rows: part.rows(ofStrip: strip), columns: part.inner), into: &target)
      }
      body(
        isFinite.contains(false)
          ? nil : SplitInput(product: product, parts: split, memory: memory))
    }
  }

  /// `y[rows, target] = x[rows, :] · W[columns, :]ᵀ`.
  ///
  /// - Precondition: `rows` is one of the ranges of the split input, if there is one.
  func multiply(
    _ input: LinearInput, rows: Range<Int>, _ linear: PreparedLinear, columns: Range<Int>,
    into y: Activations, at target: Range<Int>
  ) {
    let inner = 0..<linear.inFeatures
    let tile = linear.matrix.tile(
      rows: linear.isTransposed ? inner : columns, columns: linear.isTransposed ? columns : inner)
    if let split = input.split, SplitProduct.supports(tile.tensor.dtype),
      multiply(split, rows, tile, isTransposed: linear.isTransposed, into: y, at: target)
    {
      return
    }
    if tile.isInPlace {
      multiply(
        input, rows, weights: tile.floats, stride: tile.rowStride,
        isTransposed: linear.isTransposed, into: y, at: target)
      return
    }
    scratch.withScratch(rows: tile.rows, columns: tile.columns) { floats in
      tile.copy(into: floats)
      multiply(
        input, rows, weights: floats.elements, stride: floats.columns,
        isTransposed: linear.isTransposed, into: y, at: target)
    }
  }

  /// The split product; false if a weight is refused.
  private func multiply(
    _ split: SplitInput, _ rows: Range<Int>, _ tile: WeightTile, isTransposed: Bool,
    into y: Activations, at target: Range<Int>
  ) -> Bool {
    scratch.withScratch(rows: 1, columns: SplitProduct.workspaceCount) { memory in
      var workspace = memory.mutableRow(0)
      for part in split.parts(of: rows) {
        let block = tile.part(inner: part.inner, isTransposed: isTransposed)
        let weights = block.block(isTransposed: isTransposed)
        for first in stride(
          from: rows.lowerBound, to: rows.upperBound, by: SplitProduct.rowCountMax)
        {
          let own = first..<min(first + SplitProduct.rowCountMax, rows.upperBound)
          let start =
            part.start + (first - rows.lowerBound) / SplitProduct.stripLength * part.stripCount
          let strips = split.memory.row(0, columns: start..<part.end)
          var result = y.mutableBlock(rows: own, columns: target)
          let isDone = split.product.multiply(
            weights, strips: strips, rows: own.count, into: &result, rowStride: y.rowStride,
            adds: part.inner.lowerBound > 0, workspace: &workspace)
          guard isDone else { return false }
        }
      }
      return true
    }
  }

  /// The plain product.
  private func multiply(
    _ input: LinearInput, _ rows: Range<Int>, weights: Span<Float>, stride: Int,
    isTransposed: Bool, into y: Activations, at target: Range<Int>
  ) {
    for part in LinearInput.parts(of: input.x.columns, input.order) {
      var block = y.mutableBlock(rows: rows, columns: target)
      let beta: Float = part.lowerBound == 0 ? 0 : 1
      let rows = input.x.matrix(rows: rows, columns: part)
      let rest = weights.extracting(
        part.lowerBound * (isTransposed ? stride : 1)..<weights.count)
      if isTransposed {
        MatrixProduct.multiply(
          rows, MatrixView(rest, rows: part.count, columns: target.count, rowStride: stride),
          into: &block, rowStride: y.rowStride, beta: beta)
      } else {
        MatrixProduct.multiply(
          rows,
          MatrixView(rest, rows: target.count, columns: part.count, rowStride: stride).transposed,
          into: &block, rowStride: y.rowStride, beta: beta)
      }
    }
  }
}
