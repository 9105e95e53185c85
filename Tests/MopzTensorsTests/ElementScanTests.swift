import MopzBytes
import MopzTensors
import Testing

@Suite("Values that no merge can use")
struct ElementScanTests {
  static func tensor(_ dtype: DType, _ patterns: [UInt64]) -> Tensor {
    let width = dtype.bitCount / 8
    let bytes = patterns.flatMap { pattern in
      (0..<width).map { UInt8(truncatingIfNeeded: pattern >> (8 * $0)) }
    }
    return Tensor(dtype: dtype, shape: [patterns.count], bytes: Bytes(bytes))
  }

  /// Per type: the largest finite number with sign, infinity, a NaN.
  static let extremes: [(DType, UInt64, UInt64, UInt64)] = [
    (.f64, 0xFFEF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000, 0xFFF0_0000_0000_0001),
    (.f32, 0xFF7F_FFFF, 0x7F80_0000, 0xFF80_0001),
    (.bf16, 0xFF7F, 0x7F80, 0xFF81),
    (.f16, 0xFBFF, 0x7C00, 0xFC01),
  ]

  @Test("one infinity or NaN is found at every place, and the largest numbers are none")
  func nonFinite() {
    for (dtype, largest, infinity, nan) in Self.extremes {
      for count in [1, 2, 3, 8, 17, 70] {
        let finite = Array(repeating: largest, count: count)
        #expect(!ElementScan(Self.tensor(dtype, finite)).hasNonFinite)
        for place in 0..<count {
          for bad in [infinity, nan] {
            var patterns = finite
            patterns[place] = bad
            #expect(ElementScan(Self.tensor(dtype, patterns)).hasNonFinite, "\(dtype) \(place)")
          }
        }
      }
    }
  }

  @Test("zero is every bit zero")
  func zero() {
    for (dtype, _, _, _) in Self.extremes {
      for count in [0, 1, 5, 33] {
        var patterns = Array(repeating: UInt64(0), count: count)
        #expect(ElementScan(Self.tensor(dtype, patterns)).isAllZero)
        guard count > 0 else { continue }
        patterns[count - 1] = 1
        #expect(!ElementScan(Self.tensor(dtype, patterns)).isAllZero)
      }
    }
    #expect(!ElementScan(Self.tensor(.i32, [0, 1])).isAllZero)
    #expect(ElementScan(Self.tensor(.i32, [0, 0])).isAllZero)
  }
}
