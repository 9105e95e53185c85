public import MopzTensors

/// A floating-point number as its definition reads, and the twin of every fast
/// conversion: integer arithmetic, one number at a time, nothing else.
public enum ReferenceFloat: Hashable, Sendable {
  /// Not a number; the payload's uppermost bit, below the quiet bit, is bit 63.
  case nan(isNegative: Bool, payload: UInt64)
  case infinity(isNegative: Bool)
  /// `± significand · 2^exponent`.
  case finite(isNegative: Bool, significand: UInt64, exponent: Int)

  /// The widths of the fields of a type of IEEE 754's kind.
  public struct Format: Hashable, Sendable {
    public let dtype: DType
    public let exponentBits: Int
    public let fractionBits: Int

    public static let f64 = Format(dtype: .f64, exponentBits: 11, fractionBits: 52)
    public static let f32 = Format(dtype: .f32, exponentBits: 8, fractionBits: 23)
    public static let f16 = Format(dtype: .f16, exponentBits: 5, fractionBits: 10)
    public static let bf16 = Format(dtype: .bf16, exponentBits: 8, fractionBits: 7)
    public static let all = [f64, f32, f16, bf16]

    public var byteCount: Int { (1 + exponentBits + fractionBits) / 8 }
    public var exponentMax: UInt64 { 1 << UInt64(exponentBits) - 1 }
    /// The exponent of the unit in the last place of subnormals.
    public var leastQuantum: Int { 2 - (1 << (exponentBits - 1)) - fractionBits }
    public var signBit: UInt64 { 1 << UInt64(exponentBits + fractionBits) }
    public var quietBit: UInt64 { 1 << UInt64(fractionBits - 1) }
    public var infinity: UInt64 { exponentMax << UInt64(fractionBits) }
  }

  /// Reads a bit pattern.
  public init(bits: UInt64, format: Format) {
    let isNegative = bits & format.signBit != 0
    let field = bits >> UInt64(format.fractionBits) & format.exponentMax
    let fraction = bits & (1 << UInt64(format.fractionBits) - 1)
    if field == format.exponentMax {
      let payload = fraction << UInt64(65 - format.fractionBits)
      self =
        fraction == 0
        ? .infinity(isNegative: isNegative) : .nan(isNegative: isNegative, payload: payload)
    } else {
      let implicit: UInt64 = field == 0 ? 0 : 1 << UInt64(format.fractionBits)
      self = .finite(
        isNegative: isNegative, significand: fraction | implicit,
        exponent: format.leastQuantum + max(Int(field), 1) - 1)
    }
  }

  /// The nearest bit pattern of a format, ties to even.
  public func bits(as format: Format) -> UInt64 {
    switch self {
    case .nan(let isNegative, let payload):
      let fraction = payload >> UInt64(65 - format.fractionBits)
      return sign(isNegative, format) | format.infinity | format.quietBit | fraction
    case .infinity(let isNegative):
      return sign(isNegative, format) | format.infinity
    case .finite(let isNegative, let significand, let exponent):
      return sign(isNegative, format) | Self.magnitude(significand, exponent, format)
    }
  }

  private func sign(_ isNegative: Bool, _ format: Format) -> UInt64 {
    isNegative ? format.signBit : 0
  }

  private static func magnitude(_ significand: UInt64, _ exponent: Int, _ format: Format) -> UInt64
  {
    guard significand != 0 else { return 0 }
    let length = 64 - significand.leadingZeroBitCount
    var quantum = max(length - 1 + exponent - format.fractionBits, format.leastQuantum)
    var multiple: UInt64
    if quantum <= exponent {
      multiple = significand << UInt64(exponent - quantum)
    } else if quantum - exponent > 63 {
      multiple = 0  // below half of the quantum, as a significand has at most 53 bits
    } else {
      let shift = UInt64(quantum - exponent)
      let rest = significand & (1 << shift - 1)
      let half: UInt64 = 1 << (shift - 1)
      multiple = significand >> shift
      if rest > half || rest == half && multiple & 1 == 1 { multiple += 1 }
    }
    let implicit: UInt64 = 1 << UInt64(format.fractionBits)
    if multiple == implicit << 1 {
      multiple = implicit
      quantum += 1
    }
    guard multiple >= implicit else { return multiple }
    let field = UInt64(quantum - format.leastQuantum + 1)
    return field >= format.exponentMax
      ? format.infinity : field << UInt64(format.fractionBits) | (multiple - implicit)
  }

  /// Converts a bit pattern of one format to another.
  public static func convert(_ bits: UInt64, from source: Format, to target: Format) -> UInt64 {
    ReferenceFloat(bits: bits, format: source).bits(as: target)
  }
}
