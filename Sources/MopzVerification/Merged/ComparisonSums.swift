import MopzTensors

/// How a merged tensor, or a part of it, compares with what it must be.
///
/// With W the base, T the exact result in Float64, Δ = T − W and M what was found.
struct ComparisonSums: Sendable {
  var elementCount = 0
  /// Elements that are not round(T).
  var inexactCount = 0
  /// Elements with M = W.
  var unchangedCount = 0
  /// Elements that are not finite, or must not be.
  var nonfiniteCount = 0
  /// The largest |M − round(T)| in units in the last place at max(|W|, |Δ|, |M|).
  var maxULP = 0.0
  /// Where that is, counted in elements from the start of the tensor.
  var worstElement: Int?
  /// Σ (M − W) · Δ.
  var projection = 0.0
  /// Σ Δ².
  var deltaSquares = 0.0
  /// Σ ((M − W) − Δ)².
  var errorSquares = 0.0

  /// Adds a later part.
  mutating func add(_ other: ComparisonSums) {
    elementCount += other.elementCount
    inexactCount += other.inexactCount
    unchangedCount += other.unchangedCount
    nonfiniteCount += other.nonfiniteCount
    if other.maxULP > maxULP { (maxULP, worstElement) = (other.maxULP, other.worstElement) }
    projection += other.projection
    deltaSquares += other.deltaSquares
    errorSquares += other.errorSquares
  }

  /// Adds elements.
  ///
  /// - Parameters:
  ///   - first: The place of the first of them in the tensor.
  ///   - base: W; `expected`: T; `found`: M, all of the same count.
  mutating func compare(
    base: Span<Double>, expected: Span<Double>, found: Span<Double>, as format: StoredFormat,
    first: Int
  ) {
    let count = base.count
    precondition(expected.count == count && found.count == count)
    let isDouble = format.dtype == .f64
    var inexact = 0
    var unchanged = 0
    var (projection, deltaSquares, errorSquares) = (0.0, 0.0, 0.0)
    for i in 0..<count {
      let (w, t, m) = (base[i], expected[i], found[i])
      let rounder = format.rounder(at: t.magnitude)
      let nearest = isDouble ? t : (t + rounder) - rounder
      inexact &+= nearest == m ? 0 : 1
      unchanged &+= m == w ? 1 : 0
      let (delta, change) = (t - w, m - w)
      let error = change - delta
      projection += change * delta
      deltaSquares += delta * delta
      errorSquares += error * error
    }
    elementCount += count
    unchangedCount += unchanged
    self.projection += projection
    self.deltaSquares += deltaSquares
    self.errorSquares += errorSquares
    // An infinity that meets an infinity makes the last sum undefined.
    if inexact > 0 || !errorSquares.isFinite {
      judge(base: base, expected: expected, found: found, as: format, first: first)
    }
  }

  /// Looks closer at elements some of which are not as they must be.
  private mutating func judge(
    base: Span<Double>, expected: Span<Double>, found: Span<Double>, as format: StoredFormat,
    first: Int
  ) {
    for i in 0..<base.count {
      let (w, t, m) = (base[i], expected[i], found[i])
      let nearest = format.rounded(t)
      let isFinite = m.isFinite && nearest.isFinite
      if !isFinite { nonfiniteCount += 1 }
      if nearest == m || nearest.isNaN && m.isNaN { continue }
      inexactCount += 1
      let magnitude = max(w.magnitude, (t - w).magnitude, m.magnitude)
      let distance = isFinite ? (m - nearest).magnitude / format.unit(at: magnitude) : .infinity
      if distance > maxULP || worstElement == nil { (maxULP, worstElement) = (distance, first + i) }
    }
  }
}

extension ComparisonSums {
  /// The share of elements that are round(T).
  var exactShare: Double {
    elementCount == 0 ? 1 : Double(elementCount - inexactCount) / Double(elementCount)
  }

  /// The share of elements that stayed as they were.
  var unchangedShare: Double {
    elementCount == 0 ? 1 : Double(unchangedCount) / Double(elementCount)
  }

  /// `⟨M − W, Δ⟩ / ⟨Δ, Δ⟩`, or nil where Δ is zero or not finite.
  var survival: Double? {
    let value = projection / deltaSquares
    return deltaSquares > 0 && value.isFinite ? value : nil
  }

  /// `‖(M − W) − Δ‖ / ‖Δ‖`, or nil where Δ is zero or not finite.
  var relativeError: Double? {
    let value = (errorSquares / deltaSquares).squareRoot()
    return deltaSquares > 0 && value.isFinite ? value : nil
  }
}
