/// One of the five eight-bit floating-point formats of safetensors.
///
/// Every value of each of them is a Float32 exactly.
///
/// - Specification: §6 of `spec/mopz.md`.
public enum Float8Format: Hashable, Sendable, CaseIterable {
  /// Four bits of exponent with bias 7, no infinities, one NaN of each sign.
  case e4m3
  /// Five bits of exponent with bias 15, infinities and NaNs as in IEEE 754.
  case e5m2
  /// `2^(bits − 127)`, no sign, no zero, one NaN: 0xFF.
  case e8m0
  /// As ``e4m3`` with bias 8, no negative zero: its pattern is the one NaN.
  case e4m3fnuz
  /// As ``e5m2`` with bias 16, no infinities, no negative zero: its pattern is the one NaN.
  case e5m2fnuz

  /// The format of an element type, or nil if it is none of the five.
  public init?(_ dtype: DType) {
    switch dtype {
    case .f8e4m3: self = .e4m3
    case .f8e5m2: self = .e5m2
    case .f8e8m0: self = .e8m0
    case .f8e4m3fnuz: self = .e4m3fnuz
    case .f8e5m2fnuz: self = .e5m2fnuz
    default: return nil
    }
  }

  /// The value of a bit pattern, exactly; a NaN is quiet and keeps sign and payload
  /// where the format has them.
  public func float(bitPattern: UInt8) -> Float {
    switch self {
    case .e8m0:
      guard bitPattern != 0xFF else { return Float(bitPattern: 0x7FC0_0000) }
      return Float(sign: .plus, exponent: Int(bitPattern) - 127, significand: 1)
    case .e4m3fnuz, .e5m2fnuz:
      guard bitPattern != 0x80 else { return Float(bitPattern: 0x7FC0_0000) }
    case .e4m3, .e5m2:
      if isSpecial(bitPattern) { return special(bitPattern) }
    }
    let sign: FloatingPointSign = bitPattern & 0x80 == 0 ? .plus : .minus
    let exponent = Int(bitPattern & 0x7F) >> fractionBitCount
    let fraction = Int(bitPattern) & (1 << fractionBitCount - 1)
    let significand = exponent == 0 ? fraction : fraction + 1 << fractionBitCount
    let scale = max(exponent, 1) - exponentBias - fractionBitCount
    return Float(sign: sign, exponent: scale, significand: Float(significand))
  }

  private var fractionBitCount: Int { self == .e4m3 || self == .e4m3fnuz ? 3 : 2 }

  private var exponentBias: Int {
    switch self {
    case .e4m3: 7
    case .e5m2: 15
    case .e8m0: 127
    case .e4m3fnuz: 8
    case .e5m2fnuz: 16
    }
  }

  private func isSpecial(_ bits: UInt8) -> Bool {
    self == .e4m3 ? bits & 0x7F == 0x7F : bits & 0x7C == 0x7C
  }

  private func special(_ bits: UInt8) -> Float {
    let fraction = UInt32(bits) & (1 << fractionBitCount - 1)
    let quiet: UInt32 = fraction == 0 ? 0 : 0x0040_0000
    return Float(
      bitPattern: UInt32(bits & 0x80) << 24 | 0x7F80_0000 | quiet
        | fraction << UInt32(23 - fractionBitCount))
  }

  /// The values of all 256 patterns, made on first use.
  var table: [Float] {
    switch self {
    case .e4m3: Self.e4m3Table
    case .e5m2: Self.e5m2Table
    case .e8m0: Self.e8m0Table
    case .e4m3fnuz: Self.e4m3fnuzTable
    case .e5m2fnuz: Self.e5m2fnuzTable
    }
  }

  private static let e4m3Table = makeTable(.e4m3)
  private static let e5m2Table = makeTable(.e5m2)
  private static let e8m0Table = makeTable(.e8m0)
  private static let e4m3fnuzTable = makeTable(.e4m3fnuz)
  private static let e5m2fnuzTable = makeTable(.e5m2fnuz)

  private static func makeTable(_ format: Float8Format) -> [Float] {
    (0...255).map { format.float(bitPattern: UInt8($0)) }
  }
}
