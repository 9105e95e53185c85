import MopzBinding
import MopzBytes
import MopzTensors

/// What a touched tensor must be, exactly, a tile of rows at a time.
///
///     V = W₀ + D + Σ s · dense       T = V, or m ⊙ V / ‖V‖ for a magnitude
///
/// in Float64; W₀ is the base, or its replacement, with replaced rows put in. The
/// norms are those of the outputs, over all inputs.
struct TargetExpectation: Sendable {
  let rows: Int
  let columns: Int
  /// W.
  let base: StoredElements
  private let start: StoredElements
  private let delta: DeltaProduct
  private let dense: [(elements: StoredElements, scale: Double)]
  private let replacedRows: [Int: Int]
  private let rowValues: StoredElements?
  private let hasRowOutputs: Bool
  private let magnitude: [Double]?
  /// `m / ‖V‖` of every output column, where outputs are columns.
  private var columnGains: [Double]?

  init(of target: BoundTarget, in binding: Binding) throws(VerificationError) {
    func elements(_ tensor: Tensor, adapter: Int?) throws(VerificationError) -> StoredElements {
      guard let elements = StoredElements(tensor) else {
        throw .content(
          adapter: adapter.map { binding.adapters[$0].name } ?? "", parameter: target.name,
          reason: "\(tensor.dtype.code) is no floating-point type")
      }
      return elements
    }
    (rows, columns) = target.matrix
    base = try elements(binding.baseTensor(of: target), adapter: nil)
    start =
      if let value = target.replacement {
        try elements(value.tensor, adapter: value.adapter)
      } else { base }
    delta = try DeltaProduct(of: target, adapters: binding.adapters)
    var dense: [(elements: StoredElements, scale: Double)] = []
    for bound in target.dense {
      dense.append((try elements(bound.tensor, adapter: bound.adapter), bound.scale))
    }
    self.dense = dense
    rowValues = try target.rows.map { (rows) throws(VerificationError) in
      try elements(rows.values, adapter: rows.adapter)
    }
    replacedRows = Dictionary(
      zip(target.rows?.indices ?? [], 0...), uniquingKeysWith: { first, _ in first })
    hasRowOutputs = target.orientation == .outputRows
    magnitude = target.magnitude.flatMap { StoredElements.all(of: $0.tensor) }
    let outputs = hasRowOutputs ? rows : columns
    let counts = [base.count, start.count] + dense.map(\.elements.count)
    guard counts.allSatisfy({ $0 == rows * columns }), magnitude?.count ?? outputs == outputs,
      rowValues?.count ?? 0 == replacedRows.count * columns
    else {
      throw .content(
        adapter: target.adapters.map { binding.adapters[$0].name }.joined(separator: ", "),
        parameter: target.name, reason: "its values do not fit \(rows) × \(columns)")
    }
  }

  /// The rows of each tile; the division does not depend on the number of threads.
  var tiles: [Range<Int>] {
    let height = max(1, 1 << 18 / max(columns, 1))
    return stride(from: 0, to: rows, by: height).map { $0..<min($0 + height, rows) }
  }

  /// Works out the norms of output columns, which take all rows.
  mutating func prepare(threads: WorkerThreads) {
    guard let magnitude, !hasRowOutputs else { return }
    let (tiles, columns) = (tiles, columns)
    let copy = self
    let sums = threads.map(tiles.count) { index in
      var tile = [Double](repeating: 0, count: tiles[index].count * columns)
      var span = tile.mutableSpan
      copy.formSum(rows: tiles[index], into: &span)
      var sums = [Double](repeating: 0, count: columns)
      for r in 0..<tiles[index].count {
        for c in 0..<columns { sums[c] += tile[r * columns + c] * tile[r * columns + c] }
      }
      return sums
    }
    columnGains = (0..<columns).map { c in
      magnitude[c] / sums.reduce(0) { $0 + $1[c] }.squareRoot()
    }
  }

  /// Writes T of some rows to the front of `tile`.
  ///
  /// - Precondition: ``prepare(threads:)`` was called.
  @_lifetime(tile: copy tile)
  func form(rows range: Range<Int>, into tile: inout MutableSpan<Double>) {
    formSum(rows: range, into: &tile)
    if let columnGains {
      for r in 0..<range.count {
        for c in 0..<columns { tile[r * columns + c] *= columnGains[c] }
      }
    } else if let magnitude {
      for r in 0..<range.count {
        var squares = 0.0
        for c in 0..<columns { squares += tile[r * columns + c] * tile[r * columns + c] }
        let norm = squares.squareRoot()
        for c in 0..<columns {
          tile[r * columns + c] = magnitude[range.lowerBound + r] * tile[r * columns + c] / norm
        }
      }
    }
  }

  /// V of some rows.
  @_lifetime(tile: copy tile)
  private func formSum(rows range: Range<Int>, into tile: inout MutableSpan<Double>) {
    delta.form(rows: range, into: &tile)
    add(start, 1, rows: range, to: &tile)
    for part in dense { add(part.elements, part.scale, rows: range, to: &tile) }
    guard let rowValues else { return }
    for row in range {
      guard let place = replacedRows[row] else { continue }
      var part = tile._mutatingExtracting(((row - range.lowerBound) * columns)...)
      rowValues.copy(from: place * columns, count: columns, into: &part)
    }
  }

  /// Adds `scale` times some rows of a tensor.
  @_lifetime(tile: copy tile)
  private func add(
    _ elements: StoredElements, _ scale: Double, rows range: Range<Int>,
    to tile: inout MutableSpan<Double>
  ) {
    let (first, count) = (range.lowerBound * columns, range.count * columns)
    let step = 4096
    var values = [Double](repeating: 0, count: min(step, count))
    for offset in stride(from: 0, to: count, by: step) {
      let length = min(step, count - offset)
      var span = values.mutableSpan
      elements.copy(from: first + offset, count: length, into: &span)
      for i in 0..<length { tile[offset + i] += scale * values[i] }
    }
  }
}
