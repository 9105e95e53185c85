#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Sums over the outputs of a base, the adapted model, a merge and the ideal merge.
///
/// Distances are root mean squares over all compared outputs.
struct OutputMetrics: Sendable {
  /// One row of outputs of each side.
  struct Row: ~Escapable {
    let base: Span<Float>
    let adapted: Span<Float>
    let merged: Span<Float>
    let ideal: Span<Float>
  }

  private(set) var count = 0
  private(set) var effectSquares = 0.0
  private(set) var residualSquares = 0.0
  private(set) var idealSquares = 0.0
  private(set) var deviationSquares = 0.0
  /// `⟨merged − base, adapted − base⟩`.
  private(set) var mergedProjection = 0.0
  private(set) var largestDifference = 0.0
  private(set) var isFinite = true
  private(set) var rowCount = 0
  private(set) var topOneCount = 0
  private(set) var topFiveShare = 0.0
  /// The divergence of every row, in nats.
  private(set) var divergences: [Double] = []
  private(set) var lossCount = 0
  private(set) var baseLoss = 0.0
  private(set) var adaptedLoss = 0.0
  private(set) var mergedLoss = 0.0

  /// Adds a row.
  ///
  /// - Parameters:
  ///   - isDistribution: Whether the outputs are logits.
  ///   - next: The token that follows; nil if there is none.
  mutating func add(_ row: borrowing Row, isDistribution: Bool, next: Int?) {
    let width = row.base.count
    count += width
    rowCount += 1
    for i in 0..<width {
      let base = Double(row.base[i])
      let effect = Double(row.adapted[i]) - base
      let residual = Double(row.merged[i]) - Double(row.adapted[i])
      let ideal = Double(row.ideal[i]) - Double(row.adapted[i])
      effectSquares += effect * effect
      residualSquares += residual * residual
      idealSquares += ideal * ideal
      deviationSquares += (residual - ideal) * (residual - ideal)
      mergedProjection += (effect + residual) * effect
      largestDifference = max(largestDifference, residual.magnitude)
    }
    isFinite = isFinite && effectSquares.isFinite && residualSquares.isFinite
    guard isDistribution else { return }
    let adapted = LogSum(row.adapted)
    let merged = LogSum(row.merged)
    divergences.append(
      Self.divergence(row.adapted, adapted, from: row.merged, merged))
    let (a, b) = (Self.topFive(row.adapted), Self.topFive(row.merged))
    if a.first == b.first { topOneCount += 1 }
    topFiveShare += Double(Set(a).intersection(b).count) / Double(max(a.count, 1))
    guard let next else { return }
    lossCount += 1
    baseLoss += LogSum(row.base).value - Double(row.base[next])
    adaptedLoss += adapted.value - Double(row.adapted[next])
    mergedLoss += merged.value - Double(row.merged[next])
  }

  /// Adds what was summed over other rows, which come after.
  mutating func add(_ other: OutputMetrics) {
    count += other.count
    rowCount += other.rowCount
    effectSquares += other.effectSquares
    residualSquares += other.residualSquares
    idealSquares += other.idealSquares
    deviationSquares += other.deviationSquares
    mergedProjection += other.mergedProjection
    largestDifference = max(largestDifference, other.largestDifference)
    isFinite = isFinite && other.isFinite
    topOneCount += other.topOneCount
    topFiveShare += other.topFiveShare
    divergences += other.divergences
    lossCount += other.lossCount
    baseLoss += other.baseLoss
    adaptedLoss += other.adaptedLoss
    mergedLoss += other.mergedLoss
  }

  /// `KL(p ‖ q) = Σ p · (log p − log q)`.
  private static func divergence(
    _ p: Span<Float>, _ pSum: LogSum, from q: Span<Float>, _ qSum: LogSum
  ) -> Double {
    var sum = 0.0
    for i in p.indices {
      let logP = Double(p[i]) - pSum.value
      sum += exp(logP) * (logP - Double(q[i]) + qSum.value)
    }
    // Rounding can leave a tiny negative number where both are the same.
    return max(sum, 0)
  }

  /// The positions of the five largest values, largest first; ties go to the lower position.
  static func topFive(_ values: Span<Float>) -> [Int] {
    var best: [Int] = []
    for i in values.indices {
      if best.count == 5, values[best[4]] >= values[i] { continue }
      let place = best.firstIndex { values[$0] < values[i] } ?? best.count
      best.insert(i, at: place)
      if best.count > 5 { best.removeLast() }
    }
    return best
  }
}

/// `log Σ exp(x)`, in Float64.
struct LogSum {
  let value: Double

  init(_ x: Span<Float>) {
    var largest = -Float.infinity
    for i in x.indices { largest = max(largest, x[i]) }
    var sum = 0.0
    for i in x.indices { sum += exp(Double(x[i] - largest)) }
    value = Double(largest) + log(sum)
  }
}

extension OutputMetrics {
  private func rootMean(_ squares: Double) -> Double {
    count == 0 ? 0 : (squares / Double(count)).squareRoot()
  }

  var effect: Double { rootMean(effectSquares) }
  var residual: Double { rootMean(residualSquares) }
  var idealResidual: Double { rootMean(idealSquares) }
  var deviation: Double { rootMean(deviationSquares) }
  /// How much of the adapter's effect a merge has: 1 for all of it.
  var gain: Double? { effectSquares > 0 ? mergedProjection / effectSquares : nil }
}
