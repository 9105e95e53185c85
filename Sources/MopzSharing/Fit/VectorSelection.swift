import MopzLinearAlgebra

/// The vectors of both bases that an update takes: those that pay for their part of the core.
struct VectorSelection {
  /// The rows of the core, ascending.
  private(set) var rows: [Int]
  /// Its columns, ascending.
  private(set) var columns: [Int]
  private let squares: [Double]
  private let width: Int
  private let price: Double
  private let elementBytes: Double
  private let indexBytes: (up: Int, down: Int)

  /// Leaves out rows and columns that do not pay, until all do.
  ///
  /// - Parameters:
  ///   - core: The core of the whole bases, over vectors of the length 1.
  ///   - price: The price of squared error, in bytes.
  ///   - elementBytes: The bytes of one element of a core.
  ///   - indexBytes: The bytes of one index, for each side.
  init(
    of core: Matrix, price: Double, elementBytes: Double, indexBytes: (up: Int, down: Int)
  ) {
    (rows, columns) = (Array(0..<core.rows), Array(0..<core.columns))
    (squares, width) = (core.elements.map { $0 * $0 }, core.columns)
    (self.price, self.elementBytes, self.indexBytes) = (price, elementBytes, indexBytes)
    while true {
      let count = rows.count + columns.count
      rows = rows.filter { pays(row: $0) }
      columns = columns.filter { pays(column: $0) }
      if rows.count + columns.count == count { return }
    }
  }

  /// Fills the gaps of a side where that costs no more than the table that says where they are.
  mutating func fillRuns() {
    rows = filled(rows, indexBytes: indexBytes.up, cost(row:))
    columns = filled(columns, indexBytes: indexBytes.down, cost(column:))
  }

  private func filled(
    _ numbers: [Int], indexBytes: Int, _ cost: (Int) -> Double
  ) -> [Int] {
    guard let first = numbers.first, let last = numbers.last else { return [] }
    let run = Array(first...last)
    let more = run.reduce(0) { $0 + cost($1) } - numbers.reduce(0) { $0 + cost($1) }
    return more <= Double(RecordCosts.indexTable + numbers.count * indexBytes) ? run : numbers
  }

  /// What a row of the core costs beyond the error that it takes away.
  private func cost(row: Int) -> Double {
    let energy = columns.reduce(0) { $0 + squares[row * width + $1] }
    return elementBytes * Double(columns.count) - price * energy
  }

  private func cost(column: Int) -> Double {
    let energy = rows.reduce(0) { $0 + squares[$1 * width + column] }
    return elementBytes * Double(rows.count) - price * energy
  }

  private func pays(row: Int) -> Bool { cost(row: row) + Double(indexBytes.up) <= 0 }
  private func pays(column: Int) -> Bool { cost(column: column) + Double(indexBytes.down) <= 0 }
}
