import MopzBytes
import MopzLinearAlgebra

/// A linear layer for rows that may belong to several tasks.
///
///     y[rows of task] = gains ⊙ (x · Wᵀ + Σ terms of task) + bias of task
///
/// The product with W is one for all tasks, unless one of them replaces W.
struct GroupedLinear: Sendable {
  let parts: [(rows: Range<Int>, linear: PreparedLinear)]
  let sharesMatrix: Bool
  let inFeatures: Int
  let outFeatures: Int

  /// The number of outputs that are worked out at a time.
  ///
  /// Sums do not depend on it; memory does.
  static let tileWidth = 1024

  /// - Precondition: `parts` is not empty, and the layers have the same sizes.
  init(_ parts: [(rows: Range<Int>, linear: PreparedLinear)]) {
    self.parts = parts
    sharesMatrix = parts.count == 1 || parts.allSatisfy { $0.linear.matrix.isBase }
    inFeatures = parts[0].linear.inFeatures
    outFeatures = parts[0].linear.outFeatures
  }

  /// The rows of a range alone, counted from its start.
  func clipped(to range: Range<Int>) -> GroupedLinear {
    GroupedLinear(
      parts.compactMap { part in
        let rows = part.rows.clamped(to: range)
        guard !rows.isEmpty else { return nil }
        let start = range.lowerBound
        return (rows.lowerBound - start..<rows.upperBound - start, part.linear)
      })
  }

  var tileCount: Int { (outFeatures + Self.tileWidth - 1) / Self.tileWidth }
}

extension Engine {
  /// Writes the outputs of layers with the same input side by side.
  func apply(
    _ layers: [GroupedLinear], to x: Activations, into y: Activations, order: SumOrder = .plain
  ) {
    // First what the low-rank terms make of the input; it is small.
    let places = layers.indices.flatMap { layer in
      layers[layer].parts.indices.flatMap { part in
        layers[layer].parts[part].linear.terms.indices.map { (layer, part, $0) }
      }
    }
    let projections = threads.map(places.count) { index in
      let (layer, part, term) = places[index]
      let chosen = layers[layer].parts[part]
      return chosen.linear.terms[term].projected(x, rows: chosen.rows)
    }
    var inputs: [[[[Float]]]] = layers.map { layer in
      layer.parts.map { part in part.linear.terms.map { _ in [] } }
    }
    for ((layer, part, term), z) in zip(places, projections) { inputs[layer][part][term] = z }
    let projected = inputs
    var tiles: [(layer: Int, columns: Range<Int>, at: Int)] = []
    var column = 0
    for (index, layer) in layers.enumerated() {
      for tile in 0..<layer.tileCount {
        let first = tile * GroupedLinear.tileWidth
        tiles.append(
          (index, first..<min(first + GroupedLinear.tileWidth, layer.outFeatures), column))
      }
      column += layer.outFeatures
    }
    let work = tiles
    _ = threads.map(work.count) { index in
      let (layer, columns, column) = work[index]
      applyTile(
        layers[layer], projected[layer], columns: columns, x: x, y: y, at: column, order: order)
    }
  }

  private func applyTile(
    _ layer: GroupedLinear, _ projected: [[[Float]]], columns: Range<Int>, x: Activations,
    y: Activations, at column: Int, order: SumOrder
  ) {
    let target = column + columns.lowerBound..<column + columns.upperBound
    if layer.sharesMatrix {
      multiply(
        x, rows: 0..<x.rows, layer.parts[0].linear, columns: columns, into: y, at: target,
        order: order)
    }
    for (part, inputs) in zip(layer.parts, projected) {
      if !layer.sharesMatrix {
        multiply(
          x, rows: part.rows, part.linear, columns: columns, into: y, at: target, order: order)
      }
      for (term, z) in zip(part.linear.terms, inputs) {
        term.add(z, to: y, rows: part.rows, at: column, columns)
      }
      guard part.linear.gains != nil || part.linear.bias != nil else { continue }
      for row in part.rows {
        var values = y.mutableRow(row, columns: target)
        if let gains = part.linear.gains {
          for (i, c) in columns.enumerated() { values[i] *= gains[c] }
        }
        if let bias = part.linear.bias {
          for (i, c) in columns.enumerated() { values[i] += bias[c] }
        }
      }
    }
  }

  /// `y[rows, target] = x[rows, :] · W[columns, :]ᵀ`.
  private func multiply(
    _ x: Activations, rows: Range<Int>, _ linear: PreparedLinear, columns: Range<Int>,
    into y: Activations, at target: Range<Int>, order: SumOrder
  ) {
    let matrix = linear.matrix
    let inner = linear.inFeatures
    if matrix.isInPlace {
      let width = matrix.columns
      let first = linear.isTransposed ? columns.lowerBound : columns.lowerBound * width
      let end =
        linear.isTransposed
        ? (matrix.rows - 1) * width + columns.upperBound : columns.upperBound * width
      multiply(
        x, rows: rows, weights: matrix.tensor.floats(first..<end), stride: width,
        isTransposed: linear.isTransposed, inner: inner, into: y, at: target, order: order)
      return
    }
    let size = linear.isTransposed ? (inner, columns.count) : (columns.count, inner)
    scratch.withScratch(rows: size.0, columns: size.1) { tile in
      matrix.copy(
        rows: linear.isTransposed ? 0..<inner : columns,
        columns: linear.isTransposed ? columns : 0..<inner, into: tile)
      multiply(
        x, rows: rows, weights: tile.elements, stride: tile.columns,
        isTransposed: linear.isTransposed, inner: inner, into: y, at: target, order: order)
    }
  }

  private func multiply(
    _ x: Activations, rows: Range<Int>, weights: Span<Float>, stride: Int, isTransposed: Bool,
    inner: Int, into y: Activations, at target: Range<Int>, order: SumOrder
  ) {
    let middle = order == .plain ? inner : inner / 2
    for part in [0..<middle, middle..<inner] where !part.isEmpty {
      var block = y.mutableBlock(rows: rows, columns: target)
      let beta: Float = part.lowerBound == 0 ? 0 : 1
      let input = x.matrix(rows: rows, columns: part)
      if isTransposed {
        let rest = weights.extracting(part.lowerBound * stride..<weights.count)
        MatrixProduct.multiply(
          input, MatrixView(rest, rows: part.count, columns: target.count, rowStride: stride),
          into: &block, rowStride: y.rowStride, beta: beta)
      } else {
        let rest = weights.extracting(part.lowerBound..<weights.count)
        MatrixProduct.multiply(
          input,
          MatrixView(rest, rows: target.count, columns: part.count, rowStride: stride).transposed,
          into: &block, rowStride: y.rowStride, beta: beta)
      }
    }
  }
}
