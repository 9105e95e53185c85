import MopzAdapters
import MopzTensors

/// The low-rank part of a target's delta as one product in the base's own orientation.
///
/// `Σ terms = left · right`, whatever the layout, the cores and the vectors of the
/// terms; multipliers are in `left` already.
public struct DeltaFactors: Sendable {
  /// The number of columns of `left` and rows of `right`.
  public private(set) var rank = 0
  /// Shape `[rows, rank]`, row-major.
  public private(set) var left: [Double] = []
  /// Shape `[rank, columns]`, row-major.
  public private(set) var right: [Double] = []
}

extension Binding {
  /// The low-rank part of a target's delta; rank 0 if it has none.
  ///
  /// - Throws: ``BindingError/content(adapter:parameter:reason:)`` if a table of the
  ///   adapter is unsound.
  /// - Complexity: O(rank · (rows + columns)), and as much memory in Float64.
  public func deltaFactors(of target: BoundTarget) throws(BindingError) -> DeltaFactors {
    try DeltaFactors(of: target, adapters: adapters)
  }
}

extension DeltaFactors {
  init(of target: BoundTarget, adapters: [AppliedAdapter]) throws(BindingError) {
    var parts: [TermFactors] = []
    for bound in target.terms {
      let factors = try TermFactors(
        bound, of: adapters[bound.adapter].adapter, parameter: target.name)
      parts.append(factors)
    }
    rank = parts.reduce(0) { $0 + $1.rank }
    let (rows, columns) = target.matrix
    // Vectors first, as the factors have them; the left side is transposed at the end.
    var leftVectors: [Double] = []
    leftVectors.reserveCapacity(rank * rows)
    right.reserveCapacity(rank * columns)
    for part in parts {
      let isUpLeft = target.orientation == .outputRows
      leftVectors += (isUpLeft ? part.up : part.down).lazy.map { $0 * part.multiplier }
      right += isUpLeft ? part.down : part.up
    }
    left = Self.transposed(leftVectors, rows: rank, columns: rows)
  }
}

extension DeltaFactors {
  /// The transpose `[columns, rows]` of `matrix [rows, columns]`.
  private static func transposed(_ matrix: [Double], rows: Int, columns: Int) -> [Double] {
    [Double](capacity: matrix.count) { output in
      for c in 0..<columns { for r in 0..<rows { output.append(matrix[r * columns + c]) } }
    }
  }
}
