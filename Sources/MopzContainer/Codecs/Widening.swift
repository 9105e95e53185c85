import MopzBytes
import MopzTensors

/// Widening of elements, bit by bit: NaNs keep their sign, quiet bit and payload.
///
/// - Specification: §6.4 of `spec/mopz.md`.
enum Widening {
  /// Widens all elements.
  ///
  /// - Precondition: ``BlockCodec`` permits the pair; both spans hold the same number of
  ///   elements.
  static func widen(
    _ source: RawSpan, from narrow: DType, to wide: DType, into target: inout MutableRawSpan
  ) {
    switch (narrow, wide) {
    case (.bf16, .f32):
      for index in 0..<(source.byteCount / 2) {
        target.put(UInt32(source.u16(2 * index)) << 16, 4 * index)
      }
    case (.f16, .f32):
      for index in 0..<(source.byteCount / 2) {
        target.put(float32Bits(ofFloat16: source.u16(2 * index)), 4 * index)
      }
    case (.f32, .f64):
      for index in 0..<(source.byteCount / 4) {
        target.put(float64Bits(ofFloat32: source.u32(4 * index)), 8 * index)
      }
    default: preconditionFailure("the pair of types is checked before a block is decoded")
    }
  }

  /// The bits of the f32 with the value of an f16.
  static func float32Bits(ofFloat16 bits: UInt16) -> UInt32 {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1F)
    let fraction = UInt32(bits & 0x3FF)
    switch exponent {
    case 0x1F: return sign | 0x7F80_0000 | fraction << 13
    case 0:
      guard fraction != 0 else { return sign }
      // A subnormal: shift the leading bit to its hidden place.
      let shift = UInt32(fraction.leadingZeroBitCount) - 21
      return sign | (113 - shift) << 23 | (fraction << (shift + 13)) & 0x7F_FFFF
    default: return sign | (exponent + 112) << 23 | fraction << 13
    }
  }

  /// The bits of the f64 with the value of an f32.
  static func float64Bits(ofFloat32 bits: UInt32) -> UInt64 {
    let sign = UInt64(bits & 0x8000_0000) << 32
    let exponent = UInt64(bits >> 23 & 0xFF)
    let fraction = UInt64(bits & 0x7F_FFFF)
    switch exponent {
    case 0xFF: return sign | 0x7FF0_0000_0000_0000 | fraction << 29
    case 0:
      guard fraction != 0 else { return sign }
      let shift = UInt64(fraction.leadingZeroBitCount) - 40
      return sign | (897 - shift) << 52 | (fraction << (shift + 29)) & 0xF_FFFF_FFFF_FFFF
    default: return sign | (exponent + 896) << 52 | fraction << 29
    }
  }
}
