/// A number of 8 significant bits with the exponents of Float32: its upper half.
///
/// A storage format: arithmetic happens in `Float` or `Double`. For arrays use
/// ``ElementConversion``, which gives the same bits many times faster.
public struct BFloat16: Hashable, Sendable, BitwiseCopyable {
  /// Sign, eight bits of exponent, seven of significand.
  public var bitPattern: UInt16

  /// The number with a bit pattern.
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// The nearest number, ties to even; a NaN becomes quiet.
  public init(_ value: Float) {
    let bits = value.bitPattern
    let upper = UInt16(bits >> 16)
    guard !value.isNaN else {
      self.init(bitPattern: upper | 0x0040)
      return
    }
    // The last step before infinity does not overflow: the exponent takes the carry.
    let half: UInt32 = 0x7FFF + (bits >> 16 & 1)
    self.init(bitPattern: UInt16((bits + half) >> 16))
  }

  /// The value, exactly; a NaN becomes quiet.
  public var float: Float {
    let value = Float(bitPattern: UInt32(bitPattern) << 16)
    return value.isNaN ? Float(bitPattern: value.bitPattern | 0x0040_0000) : value
  }
}
