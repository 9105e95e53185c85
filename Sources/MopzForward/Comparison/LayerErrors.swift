/// How far the sides are from each other after one block: root mean squares over the hidden
/// states of all tokens.
public struct LayerErrors: Hashable, Sendable {
  /// The block's number, from 0.
  public let layer: Int
  /// Between the adapted model and the base.
  public let effect: Double
  /// Between the merge and the adapted model.
  public let residual: Double
  /// Between the ideal merge and the adapted model.
  public let idealResidual: Double
  /// Between the merge and the ideal merge.
  public let deviation: Double
  /// Between the adapted model and itself with other sums.
  public let noise: Double

  /// Whether the merge is further away from the ideal one than rounding explains.
  public var isDiverged: Bool {
    !(deviation <= ForwardVerdict.deviationFactor * idealResidual + noise)
  }
}

/// The sums that ``LayerErrors`` are made of.
struct LayerSums: Sendable {
  var count = 0
  var noiseCount = 0
  var effect = 0.0
  var residual = 0.0
  var ideal = 0.0
  var deviation = 0.0
  var noise = 0.0

  /// `Σ (a − b)²` over the rows that `isVisible`.
  static func squares(_ a: Activations, _ b: Activations, _ isVisible: [Bool]?) -> Double {
    var sum = 0.0
    for row in 0..<a.rows where isVisible?[row] ?? true {
      let (x, y) = (a.row(row), b.row(row))
      for i in x.indices {
        let difference = Double(x[i]) - Double(y[i])
        sum += difference * difference
      }
    }
    return sum
  }

  func errors(layer: Int) -> LayerErrors {
    func rootMean(_ sum: Double, _ count: Int) -> Double {
      count == 0 ? 0 : (sum / Double(count)).squareRoot()
    }
    return LayerErrors(
      layer: layer, effect: rootMean(effect, count), residual: rootMean(residual, count),
      idealResidual: rootMean(ideal, count), deviation: rootMean(deviation, count),
      noise: rootMean(noise, noiseCount))
  }
}
