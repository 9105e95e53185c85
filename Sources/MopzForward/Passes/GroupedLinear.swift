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

  /// The rows whose products with a matrix are formed together.
  var rowRanges: [Range<Int>] {
    sharesMatrix ? [0..<(parts.last?.rows.upperBound ?? 0)] : parts.map(\.rows)
  }
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
    let projections = InputProjections(
      places.map { layer, part, term in
        let chosen = layers[layer].parts[part]
        return InputProjections.Place(term: chosen.linear.terms[term], rows: chosen.rows)
      }
    ).values(of: x, threads)
    var inputs: [[[[Float]]]] = layers.map { layer in
      layer.parts.map { part in part.linear.terms.map { _ in [] } }
    }
    for ((layer, part, term), z) in zip(places, projections) { inputs[layer][part][term] = z }
    let projected = inputs
    let ranges = Set(layers.flatMap(\.rowRanges)).sorted { $0.lowerBound < $1.lowerBound }
    withSplitInput(x, ranges, order: order) { split in
      let tiles = tiles(of: layers, width: split == nil ? 1024 : SplitProduct.outputCountMax)
      _ = threads.map(tiles.count) { index in
        let (layer, columns, column) = tiles[index]
        let input = LinearInput(x: x, split: split, order: order)
        applyTile(layers[layer], projected[layer], columns: columns, input, y: y, at: column)
      }
    }
  }

  /// The outputs that are worked out at a time.
  ///
  /// Sums do not depend on their number; memory does.
  private func tiles(
    of layers: [GroupedLinear], width: Int
  ) -> [(layer: Int, columns: Range<Int>, at: Int)] {
    var tiles: [(layer: Int, columns: Range<Int>, at: Int)] = []
    var column = 0
    for (index, layer) in layers.enumerated() {
      for first in stride(from: 0, to: layer.outFeatures, by: width) {
        tiles.append((index, first..<min(first + width, layer.outFeatures), column))
      }
      column += layer.outFeatures
    }
    return tiles
  }

  private func applyTile(
    _ layer: GroupedLinear, _ projected: [[[Float]]], columns: Range<Int>, _ input: LinearInput,
    y: Activations, at column: Int
  ) {
    let target = column + columns.lowerBound..<column + columns.upperBound
    let ranges = layer.rowRanges
    if layer.sharesMatrix {
      multiply(input, rows: ranges[0], layer.parts[0].linear, columns: columns, into: y, at: target)
    }
    for (part, inputs) in zip(layer.parts, projected) {
      if !layer.sharesMatrix {
        multiply(input, rows: part.rows, part.linear, columns: columns, into: y, at: target)
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
}
