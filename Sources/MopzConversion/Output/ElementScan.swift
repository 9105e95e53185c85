import MopzBytes
import MopzTensors

/// What a pass over a tensor's elements finds: values that no merge can use.
///
/// Works on the bit patterns, eight bytes at a time; a value is finite unless all
/// bits of its exponent are set.
struct ElementScan: Hashable, Sendable {
  /// Whether some element is infinite or not a number.
  let hasNonFinite: Bool
  /// Whether all bytes are zero.
  let isAllZero: Bool

  /// Looks at all elements of a type that can be a factor.
  ///
  /// - Complexity: O(n), at the speed of memory.
  init(_ tensor: Tensor) {
    let span = tensor.bytes.span
    guard let exponent = Exponent(tensor.dtype) else {
      hasNonFinite = false
      isAllZero = span.isAllZero
      return
    }
    var overflows: UInt64 = 0
    var bits: UInt64 = 0
    var offset = 0
    while offset + 32 <= span.byteCount {
      for lane in 0..<4 {
        let word = span.loadLittleEndian(fromByteOffset: offset + 8 * lane, as: UInt64.self)
        // Adding one to the exponent carries into the sign bit only if all its bits are set.
        overflows |= (word & exponent.mask) &+ exponent.one
        bits |= word
      }
      offset += 32
    }
    var tail: UInt64 = 0
    var count = 0
    while offset < span.byteCount {
      tail |= UInt64(span.byte(at: offset)) << UInt64(8 * count)
      count += 1
      offset += 1
      if count == 8 || offset == span.byteCount {
        overflows |= (tail & exponent.mask) &+ exponent.one
        bits |= tail
        tail = 0
        count = 0
      }
    }
    hasNonFinite = overflows & exponent.carry != 0
    isAllZero = bits == 0
  }

  /// The exponent's bits in every element of a word of eight bytes.
  private struct Exponent {
    let mask: UInt64
    let one: UInt64
    let carry: UInt64

    init?(_ dtype: DType) {
      switch dtype {
      case .f64: self.init(0x7FF0_0000_0000_0000, 0x0010_0000_0000_0000, 0x8000_0000_0000_0000)
      case .f32: self.init(0x7F80_0000_7F80_0000, 0x0080_0000_0080_0000, 0x8000_0000_8000_0000)
      case .bf16: self.init(0x7F80_7F80_7F80_7F80, 0x0080_0080_0080_0080, 0x8000_8000_8000_8000)
      case .f16: self.init(0x7C00_7C00_7C00_7C00, 0x0400_0400_0400_0400, 0x8000_8000_8000_8000)
      default: return nil
      }
    }

    private init(_ mask: UInt64, _ one: UInt64, _ carry: UInt64) {
      self.mask = mask
      self.one = one
      self.carry = carry
    }
  }
}
