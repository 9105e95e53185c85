import MopzBytes
import MopzTensors

/// An element type of a checkpoint as numbers: which ones it has, and how far apart they are.
///
/// Verification rounds here and nowhere else, by the definition in Float64; it
/// shares neither this nor the reading of elements with the code that merges.
struct StoredFormat: Hashable, Sendable {
  /// The element type.
  let dtype: DType
  /// The number of bits behind the point of a normal significand.
  let fractionBits: Int
  /// The exponent of the smallest normal number.
  let leastExponent: Int
  /// The smallest normal number.
  let least: Double
  /// The largest finite number.
  let largest: Double

  /// The format of f64, f32, f16 or bf16; nil for other types.
  init?(_ dtype: DType) {
    self.dtype = dtype
    switch dtype {
    case .f64: (fractionBits, leastExponent, largest) = (52, -1022, .greatestFiniteMagnitude)
    case .f32: (fractionBits, leastExponent, largest) = (23, -126, 0x1.fffffep127)
    case .f16: (fractionBits, leastExponent, largest) = (10, -14, 65504)
    case .bf16: (fractionBits, leastExponent, largest) = (7, -126, 0x1.fep127)
    default: return nil
    }
    least = Double(sign: .plus, exponent: leastExponent, significand: 1)
  }

  /// The bytes of one element.
  var byteCount: Int { dtype.bitCount / 8 }

  /// Whether a result that is not the correctly rounded one must be rare.
  var isSixteenBit: Bool { byteCount == 2 }

  /// What is added and taken away again to round a number of the magnitude: 1½ · 2^52 units
  /// in the last place, so that the sum has no place for less than one.
  @inline(__always)
  func rounder(at magnitude: Double) -> Double {
    let exponent = min(max(magnitude, least), 0x1p200).bitPattern & 0x7FF0_0000_0000_0000
    return Double(bitPattern: exponent &+ UInt64(52 - fractionBits) << 52 | 1 << 51)
  }

  /// The nearest number of the format, ties to even; an infinity beyond the largest.
  func rounded(_ value: Double) -> Double {
    guard dtype != .f64 else { return value }
    let rounder = rounder(at: value.magnitude)
    let nearest = (value + rounder) - rounder
    return nearest.magnitude > largest ? nearest * .infinity : nearest
  }

  /// The unit in the last place of numbers of a magnitude.
  func unit(at magnitude: Double) -> Double {
    let exponent = magnitude.isNormal ? max(Int(magnitude.exponent), leastExponent) : leastExponent
    return Double(sign: .plus, exponent: exponent - fractionBits, significand: 1)
  }
}
