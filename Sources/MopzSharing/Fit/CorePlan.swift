import MopzLinearAlgebra

/// The type of a core, with its bytes and the squared error that rounding it makes.
struct CorePlan: Sendable {
  var type: StoredType
  var bytes: Double
  var error: Double

  /// The cheapest type at a price.
  ///
  /// - Parameter core: Dense, or the gates as one row.
  init(_ core: Matrix, types: [StoredType], price: Double) {
    var best: CorePlan?
    for type in types {
      let bytes = Double(core.rows * type.byteCount(length: core.columns))
      let error = Self.error(of: core, type)
      let plan = CorePlan(type: type, bytes: bytes, error: error)
      if best.map({ bytes + price * error < $0.bytes + price * $0.error }) ?? true { best = plan }
    }
    self = best ?? CorePlan(type: .f32, bytes: 0, error: 0)
  }

  private init(type: StoredType, bytes: Double, error: Double) {
    self.type = type
    self.bytes = bytes
    self.error = error
  }

  private static func error(of core: Matrix, _ type: StoredType) -> Double {
    guard type == .int8 else { return core.squaredNorm * type.noise(length: core.columns) }
    var sum = 0.0
    for row in 0..<core.rows {
      let greatest = (0..<core.columns).reduce(0) { max($0, abs(core[row, $1])) }
      sum += Double(core.columns) * (greatest / 127) * (greatest / 127) / 12
    }
    return sum
  }
}
