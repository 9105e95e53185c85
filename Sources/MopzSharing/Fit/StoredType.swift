import MopzBytes
import MopzLinearAlgebra
import MopzTensors

/// How one vector is stored, in the order of precision.
enum StoredType: Int, CaseIterable, Comparable, Sendable {
  case int8, bf16, f32

  static func < (a: StoredType, b: StoredType) -> Bool { a.rawValue < b.rawValue }

  /// The types that an option permits.
  static func permitted(by type: FitType) -> [StoredType] {
    switch type {
    case .chosen: allCases
    case .f32: [.f32]
    case .bf16: [.bf16]
    case .int8: [.int8]
    }
  }

  /// The bytes of one vector, with its scale.
  func byteCount(length: Int) -> Int {
    switch self {
    case .int8: length + 4
    case .bf16: 2 * length
    case .f32: 4 * length
    }
  }

  /// The squared error that is to be expected of a vector whose squared norm is 1.
  ///
  /// Steps of width d leave d²/12. With eight bits d is the largest element over 127, and the
  /// largest of n bell-shaped elements has the square 2·ln n in units of their mean square.
  func noise(length: Int) -> Double {
    switch self {
    case .int8: 2 * 0.693 * Double(Double(max(length, 2)).exponent + 1) / (127 * 127 * 12)
    case .bf16: 1.1e-6 / 1.3
    case .f32: 1.3e-15
    }
  }

  /// The type of the logical block; eight bits are a matter of the container's codec.
  var dtype: DType { self == .bf16 ? .bf16 : .f32 }

  /// The values of a vector as they will be read again.
  func rounded(_ values: some Collection<Double>) -> [Double] {
    switch self {
    case .f32: return values.map { Double(Float($0)) }
    case .bf16: return values.map { Double(BFloat16(Float($0)).float) }
    case .int8:
      let greatest = values.reduce(0) { max($0, abs($1)) }
      let scale = Self.scale(greatest: greatest)
      guard scale > 0 else { return values.map { _ in 0 } }
      return values.map { value in
        let quantum = (value / Double(scale)).rounded(.toNearestOrEven)
        // A negative zero has no representation in whole numbers.
        return Double(Float(min(max(quantum, -127), 127)) * scale + 0)
      }
    }
  }

  /// Every row of a matrix as it will be read again.
  func rounded(_ matrix: Matrix) -> Matrix {
    var elements: [Double] = []
    elements.reserveCapacity(matrix.elements.count)
    for row in 0..<matrix.rows {
      elements += rounded(matrix.elements[row * matrix.columns..<(row + 1) * matrix.columns])
    }
    return Matrix(elements, rows: matrix.rows, columns: matrix.columns)
  }

  /// The step between two values of eight bits: a little more than the greatest over 127.
  ///
  /// It has 17 significant bits, so that its products with whole numbers up to 127 are exact
  /// in Float32, and the step can be found again from the values.
  private static func scale(greatest: Double) -> Float {
    let step = Float(greatest / 127)
    guard step >= Float.leastNormalMagnitude, step.isFinite else { return 0 }
    let bits = step.bitPattern
    return Float(
      bitPattern: (bits & ~0x7F) &+ (bits & 0x7F == 0 && Double(step) * 127 >= greatest ? 0 : 0x80))
  }
}
