import MopzTensors
import Testing

@Suite("Element types")
struct DTypeTests {
  @Test("codes and raw values name each type once")
  func codes() {
    #expect(DType.allCases.count == 22)
    #expect(Set(DType.allCases.map(\.code)).count == 22)
    for dtype in DType.allCases {
      #expect(DType(code: dtype.code) == dtype)
      #expect(DType(rawValue: dtype.rawValue) == dtype)
    }
    #expect(DType.allCases.map(\.rawValue) == Array(1...22))
    #expect(DType(code: "bf16") == nil)
    #expect(DType(code: "") == nil)
    #expect(DType(code: "F32 ") == nil)
  }

  @Test("sizes and alignments are those of the names")
  func sizes() {
    for dtype in DType.allCases {
      let digits = dtype.code.drop { $0.isLetter }.prefix { $0.isNumber }
      let bits = dtype == .bool ? 8 : Int(digits)
      #expect(dtype.bitCount == bits)
      #expect(dtype.alignment == (dtype == .c64 ? 4 : max(1, dtype.bitCount / 8)))
    }
  }
}
