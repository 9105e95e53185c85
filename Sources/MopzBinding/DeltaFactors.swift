import MopzAdapters
import MopzTensors

/// The low-rank part of a target's delta as one product in the base's own orientation.
///
/// `Σ terms = left · right`, whatever the layout, the cores and the vectors of the
/// terms; multipliers are in the left factor already.
public struct DeltaFactors: Sendable {
  /// The number of columns of `left` and rows of `right`; 0 if the terms cancel.
  public private(set) var rank = 0
  /// The columns of the left factor, one after the other: shape `[rank, rows]`.
  public private(set) var leftColumns: [Double] = []
  /// Shape `[rank, columns]`, row-major.
  public private(set) var right: [Double] = []

  /// The left factor, shape `[rows, rank]`, row-major.
  ///
  /// - Complexity: O(rows · rank).
  public var left: [Double] {
    let rows = rank == 0 ? 0 : leftColumns.count / rank
    return [Double](capacity: leftColumns.count) { output in
      for r in 0..<rows { for j in 0..<rank { output.append(leftColumns[j * rows + r]) } }
    }
  }
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
    leftColumns.reserveCapacity(rank * rows)
    right.reserveCapacity(rank * columns)
    for part in parts {
      let (leftPart, rightPart) =
        target.orientation == .outputRows ? (part.up, part.down) : (part.down, part.up)
      let multiplier = part.multiplier
      for element in leftPart { leftColumns.append(element * multiplier) }
      right.append(contentsOf: rightPart)
    }
    if Set(target.terms.map(\.adapter)).count > 1 { fold(rows: rows, columns: columns) }
  }

  /// Adds up the columns of `left` that meet the same row of `right`, and leaves away those that
  /// cancel, so that what adapters take from one another is zero and no noise of its rounding.
  private mutating func fold(rows: Int, columns: Int) {
    func row(_ j: Int) -> ArraySlice<Double> { right[j * columns..<(j + 1) * columns] }
    var groups: [[Int]] = []
    var byRow: [ArraySlice<Double>: Int] = [:]
    for j in 0..<rank {
      if let group = byRow[row(j)] {
        groups[group].append(j)
      } else {
        byRow[row(j)] = groups.count
        groups.append([j])
      }
    }
    guard groups.count < rank else { return }
    var (left, kept): ([Double], [Double]) = ([], [])
    for group in groups {
      var sum = [Double](repeating: 0, count: rows)
      var size = sum
      for j in group {
        for i in 0..<rows {
          sum[i] += leftColumns[j * rows + i]
          size[i] += leftColumns[j * rows + i].magnitude
        }
      }
      // What the rounding of multipliers and sums may leave of nothing.
      for i in 0..<rows where sum[i].magnitude <= size[i] * 0x1p-50 { sum[i] = 0 }
      if group.count > 1, sum.allSatisfy({ $0 == 0 }) { continue }
      left += sum
      kept += row(group[0])
    }
    (leftColumns, right, rank) = (left, kept, kept.count / max(columns, 1))
  }
}
