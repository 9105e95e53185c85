import MopzBytes
import MopzTensors

/// The elements of a tensor as Float64, each by the definition of its type.
struct StoredElements: Sendable {
  private let bytes: Bytes
  private let dtype: DType
  /// The values of all patterns of an eight-bit or half type.
  private let table: [Double]
  /// The number of elements.
  let count: Int

  /// The elements of a tensor, or nil if it is of no floating-point type.
  init?(_ tensor: Tensor) {
    bytes = tensor.bytes
    dtype = tensor.dtype
    count = tensor.shape.elementCount
    switch tensor.dtype {
    case .f64, .f32, .bf16: table = []
    case .f16: table = Self.halves
    default:
      guard let format = Float8Format(tensor.dtype) else { return nil }
      table = (0...255).map { Double(format.float(bitPattern: UInt8($0))) }
    }
  }

  /// All elements of a tensor, or nil if it is of no floating-point type.
  static func all(of tensor: Tensor) -> [Double]? {
    guard let elements = StoredElements(tensor) else { return nil }
    var values = [Double](repeating: 0, count: elements.count)
    var span = values.mutableSpan
    elements.copy(from: 0, count: elements.count, into: &span)
    return values
  }

  /// Copies elements to the front of `target`.
  ///
  /// - Precondition: They lie within the tensor, and fit.
  @_lifetime(target: copy target)
  func copy(from first: Int, count: Int, into target: inout MutableSpan<Double>) {
    let width = dtype.bitCount / 8
    let part = bytes.span.extracting(first * width..<(first + count) * width)
    precondition(count <= target.count)
    switch dtype {
    case .f64:
      for i in 0..<count {
        let bits = part.loadLittleEndian(fromByteOffset: 8 * i, as: UInt64.self)
        target[i] = Double(bitPattern: bits)
      }
    case .f32:
      for i in 0..<count {
        let bits = part.loadLittleEndian(fromByteOffset: 4 * i, as: UInt32.self)
        target[i] = Double(Float(bitPattern: bits))
      }
    case .bf16:
      for i in 0..<count {
        let bits = part.loadLittleEndian(fromByteOffset: 2 * i, as: UInt16.self)
        target[i] = Double(Float(bitPattern: UInt32(bits) << 16))
      }
    case .f16:
      for i in 0..<count {
        target[i] = table[Int(part.loadLittleEndian(fromByteOffset: 2 * i, as: UInt16.self))]
      }
    default:
      for i in 0..<count { target[i] = table[Int(part.byte(at: i))] }
    }
  }

  /// `± fraction · 2^−24` for a zero exponent, `± (1024 + fraction) · 2^(exponent − 25)` else.
  private static let halves: [Double] = (0...0xFFFF).map { bits in
    let sign: FloatingPointSign = bits & 0x8000 == 0 ? .plus : .minus
    let (exponent, fraction) = (bits >> 10 & 31, bits & 1023)
    if exponent == 31 {
      return fraction != 0 ? .nan : sign == .plus ? .infinity : -.infinity
    }
    let significand = Double(exponent == 0 ? fraction : 1024 + fraction)
    return Double(sign: sign, exponent: max(exponent, 1) - 25, significand: significand)
  }
}
