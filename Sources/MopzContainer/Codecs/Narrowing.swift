import MopzBytes
import MopzTensors

/// Narrower types that hold every element of a tensor, bit for bit.
///
/// - Specification: §6.4 of `spec/mopz.md`.
enum Narrowing {
  /// The tensor in the first narrower type that widens back to the same bits, or nil.
  ///
  /// - Complexity: O(n); as a rule an early element ends it.
  static func narrowed(_ tensor: Tensor) -> Tensor? {
    switch tensor.dtype {
    case .f32:
      if hasOnlyBFloat16(tensor.bytes.span) {
        return converted(tensor, to: .bf16) { span, index in UInt16(span.u32(4 * index) >> 16) }
      }
      return exact(tensor, as: .f16) { span, index in
        let bits = span.u32(4 * index)
        let half = float16Bits(ofFloat32: bits)
        return Widening.float32Bits(ofFloat16: half) == bits ? half : nil
      }
    case .f64:
      return exact(tensor, as: .f32) { span, index in
        let bits = span.u64(8 * index)
        let single = float32Bits(ofFloat64: bits)
        return Widening.float64Bits(ofFloat32: single) == bits ? single : nil
      }
    default: return nil
    }
  }

  /// Whether the lower half of every f32 is zero.
  private static func hasOnlyBFloat16(_ span: RawSpan) -> Bool {
    let mask: UInt64 = 0x0000_FFFF_0000_FFFF
    var offset = 0
    while offset + 8 <= span.byteCount {
      if span.u64(offset) & mask != 0 { return false }
      offset += 8
    }
    return offset == span.byteCount || span.u16(offset) == 0
  }

  /// All elements narrowed, or nil if one is lost.
  private static func exact<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ tensor: Tensor, as dtype: DType, _ narrow: (RawSpan, Int) -> Bits?
  ) -> Tensor? {
    let bytes = tensor.bytes
    for index in 0..<tensor.shape.elementCount where narrow(bytes.span, index) == nil {
      return nil
    }
    return converted(tensor, to: dtype) { span, index in narrow(span, index) ?? 0 }
  }

  private static func converted<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ tensor: Tensor, to dtype: DType, _ narrow: (RawSpan, Int) -> Bits
  ) -> Tensor {
    let source = tensor.bytes
    let width = dtype.bitCount / 8
    let bytes = Bytes(byteCount: tensor.shape.elementCount * width) { target in
      for index in 0..<tensor.shape.elementCount {
        target.storeLittleEndian(narrow(source.span, index), toByteOffset: index * width)
      }
    }
    return Tensor(dtype: dtype, shape: tensor.shape, bytes: bytes)
  }

  /// The bits of an f16 that has the value of an f32 if one has; else any.
  static func float16Bits(ofFloat32 bits: UInt32) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let exponent = Int(bits >> 23 & 0xFF)
    let fraction = bits & 0x7F_FFFF
    switch exponent {
    case 0xFF: return sign | 0x7C00 | UInt16(truncatingIfNeeded: fraction >> 13)
    case 113...142:
      return sign | UInt16(exponent - 112) << 10 | UInt16(truncatingIfNeeded: fraction >> 13)
    case 103...112:
      // A subnormal of f16: the hidden bit becomes one of the fraction's.
      return sign | UInt16(truncatingIfNeeded: (0x80_0000 | fraction) >> UInt32(126 - exponent))
    default: return sign
    }
  }

  /// The bits of an f32 that has the value of an f64 if one has; else any.
  static func float32Bits(ofFloat64 bits: UInt64) -> UInt32 {
    let sign = UInt32(truncatingIfNeeded: bits >> 32) & 0x8000_0000
    let exponent = Int(bits >> 52 & 0x7FF)
    let fraction = bits & 0xF_FFFF_FFFF_FFFF
    let hidden: UInt64 = 0x10_0000_0000_0000
    switch exponent {
    case 0x7FF: return sign | 0x7F80_0000 | UInt32(truncatingIfNeeded: fraction >> 29)
    case 897...1150:
      return sign | UInt32(exponent - 896) << 23 | UInt32(truncatingIfNeeded: fraction >> 29)
    case 874...896:
      return sign | UInt32(truncatingIfNeeded: (hidden | fraction) >> UInt64(926 - exponent))
    default: return sign
    }
  }
}
