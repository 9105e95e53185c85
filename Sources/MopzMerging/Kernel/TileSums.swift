/// What was measured on elements that were written, with Δ = T − W the update that was
/// asked for and M what was stored.
struct TileSums: Hashable, Sendable {
  /// `Σ (M−W)·Δ`.
  var projection = 0.0
  /// `Σ Δ²`.
  var deltaSquares = 0.0
  /// `Σ ((M−W)−Δ)²`.
  var errorSquares = 0.0
  /// Elements that are what they would be without the update.
  var unchanged = 0
  /// Elements of M that are not finite.
  var nonfinite = 0
  /// Those of them that were finite in W.
  var overflowed = 0
  /// Elements.
  var count = 0

  /// Whether sums that were begun in Float32 hold what they should: neither did one leave
  /// its range, nor may squares have vanished.
  var isTrusted: Bool {
    projection.isFinite && errorSquares.isFinite && deltaSquares.isFinite
      && deltaSquares > 1e-30 * Double(count)
  }

  static func += (a: inout TileSums, b: TileSums) {
    a.projection += b.projection
    a.deltaSquares += b.deltaSquares
    a.errorSquares += b.errorSquares
    a.unchanged += b.unchanged
    a.nonfinite += b.nonfinite
    a.overflowed += b.overflowed
    a.count += b.count
  }
}
