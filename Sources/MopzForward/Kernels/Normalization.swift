import MopzLinearAlgebra

/// A norm with its weights at hand.
///
///     layer:           y = (x − mean(x)) / √(var(x) + ε) ⊙ w + b
///     rootMeanSquare:  y = x / √(mean(x²) + ε) ⊙ w
struct PreparedNorm: Sendable {
  let kind: ModelDescription.Norm.Kind
  let weight: [Float]
  let bias: [Float]?
  let epsilon: Float

  init(
    _ norm: ModelDescription.Norm, size: Int, of variant: ModelVariant
  ) throws(ForwardError) {
    kind = norm.kind
    epsilon = norm.epsilon
    let offset = norm.weightOffset
    weight = try variant.vector(norm.weight, count: size).map { $0 + offset }
    var bias: [Float]?
    if let name = norm.bias { bias = try variant.vector(name, count: size) }
    self.bias = bias
  }

  /// Normalises a vector into another of the same length.
  func apply(_ x: Span<Float>, into y: inout MutableSpan<Float>) {
    var mean: Float = 0
    if kind == .layer {
      var sum = 0.0
      for i in x.indices { sum += Double(x[i]) }
      mean = Float(sum / Double(x.count))
    }
    var squares = 0.0
    for i in x.indices {
      let value = Double(x[i] - mean)
      squares += value * value
    }
    let factor = 1 / (Float(squares / Double(x.count)) + epsilon).squareRoot()
    for i in x.indices { y[i] = (x[i] - mean) * factor * weight[i] }
    if let bias { for i in x.indices { y[i] += bias[i] } }
  }
}

/// A norm for rows that may belong to several tasks.
struct GroupedNorm: Sendable {
  let parts: [(rows: Range<Int>, norm: PreparedNorm)]
}

extension Engine {
  /// Normalises every row of `x` into `y`, which may be the same.
  func normalize(_ x: Activations, by norm: GroupedNorm, into y: Activations) {
    for part in norm.parts {
      let start = part.rows.lowerBound
      forEachRows(part.rows.count) { rows in
        scratch.withScratch(rows: 1, columns: x.columns) { buffer in
          for row in rows {
            var result = buffer.mutableRow(0)
            part.norm.apply(x.row(start + row), into: &result)
            copy(buffer.row(0), to: y, row: start + row)
          }
        }
      }
    }
  }

  private func copy(_ values: Span<Float>, to y: Activations, row: Int) {
    var target = y.mutableRow(row)
    for i in values.indices { target[i] = values[i] }
  }

  /// `x += y`.
  func add(_ y: Activations, to x: Activations) {
    forEachRows(x.rows) { rows in
      for row in rows {
        var sum = x.mutableRow(row)
        let values = y.row(row)
        for i in values.indices { sum[i] += values[i] }
      }
    }
  }

  /// `x[:, 0 ..< width] = activation(x[:, 0 ..< width]) ⊙ x[:, width ..< 2 · width]`, without
  /// the second factor if there is none.
  func activate(_ x: Activations, _ activation: Activation, width: Int) {
    let isGated = x.columns == 2 * width
    forEachRows(x.rows, of: 16) { rows in
      for row in rows {
        var values = x.mutableRow(row, columns: 0..<width)
        let factors = x.row(row, columns: isGated ? width..<2 * width : 0..<0)
        if let unit = activation.unit {
          ElementaryKernel.best.apply(unit, to: &values, factors: factors)
        } else {
          for i in factors.indices { values[i] *= factors[i] }
        }
      }
    }
  }
}
