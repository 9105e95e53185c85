import CKernels
import MopzBytes

/// What a pass over a tensor's elements finds: values that are not finite, or nothing
/// but zeros.
///
/// Works on the bit patterns, eight bytes at a time; a value is finite unless all
/// bits of its exponent are set.
public struct ElementScan: Hashable, Sendable {
  /// Whether some element is infinite or not a number; false for other types than
  /// f64, f32, bf16 and f16.
  public let hasNonFinite: Bool
  /// Whether all bytes are zero.
  public let isAllZero: Bool

  /// Looks at all elements.
  ///
  /// - Complexity: O(n), at the speed of memory. The corresponding C function is
  ///   `mopz_scan_bytes`.
  public init(_ tensor: Tensor) {
    let exponent = Exponent(tensor.dtype)
    let bytes = tensor.bytes
    // SAFETY: the buffer is valid for its count for the length of the call; the loop
    // assumes no alignment.
    let scan = unsafe bytes.span.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return mopz_scan(overflows: 0, bits: 0) }
      return unsafe mopz_scan_bytes(start, buffer.count, exponent.mask, exponent.one)
    }
    hasNonFinite = scan.overflows & exponent.carry != 0
    isAllZero = scan.bits == 0
  }

  /// The exponents' bits in a word of eight bytes.
  private struct Exponent {
    var mask: UInt64 = 0
    /// The lowest bit of each exponent.
    var one: UInt64 = 0
    /// The bit above each exponent.
    var carry: UInt64 = 0

    init(_ dtype: DType) {
      switch dtype {
      case .f64: self.init(exponent: 0x7FF0_0000_0000_0000, of: UInt64.self)
      case .f32: self.init(exponent: 0x7F80_0000, of: UInt32.self)
      case .bf16: self.init(exponent: 0x7F80, of: UInt16.self)
      case .f16: self.init(exponent: 0x7C00, of: UInt16.self)
      default: self.init()
      }
    }

    private init() {}

    private init<Bits: FixedWidthInteger & UnsignedInteger>(exponent: Bits, of type: Bits.Type) {
      for shift in stride(from: 0, to: 64, by: Bits.bitWidth) {
        mask |= UInt64(exponent) << UInt64(shift)
        one |= (UInt64(1) << UInt64(exponent.trailingZeroBitCount)) << UInt64(shift)
        carry |= (UInt64(1) << UInt64(Bits.bitWidth - 1)) << UInt64(shift)
      }
    }
  }
}
