import MopzBytes
import MopzTensors
import Testing

@Suite("Eight-bit floating point")
struct Float8Tests {
  /// The fields of a format: bits of the fraction, bias, and which patterns are special.
  struct Fields: Sendable {
    let dtype: DType
    let fractionBits: Int
    let bias: Int
    let nans: Set<UInt8>
    let infinities: Set<UInt8>
  }

  static let formats = [
    Fields(dtype: .f8e4m3, fractionBits: 3, bias: 7, nans: [0x7F, 0xFF], infinities: []),
    Fields(
      dtype: .f8e5m2, fractionBits: 2, bias: 15, nans: [0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF],
      infinities: [0x7C, 0xFC]),
    Fields(dtype: .f8e4m3fnuz, fractionBits: 3, bias: 8, nans: [0x80], infinities: []),
    Fields(dtype: .f8e5m2fnuz, fractionBits: 2, bias: 16, nans: [0x80], infinities: []),
  ]

  private func power(_ exponent: Int) -> Double {
    var value = 1.0
    for _ in 0..<abs(exponent) { value = exponent < 0 ? value / 2 : value * 2 }
    return value
  }

  private func tensor(_ dtype: DType) -> Tensor {
    Tensor(dtype: dtype, shape: [256], bytes: Bytes(Array(0...255)))
  }

  @Test("all 256 patterns of the signed formats are what the fields say", arguments: formats)
  func signedFormats(fields: Fields) throws {
    let tensor = tensor(fields.dtype)
    let converted = (tensor.view.float32Elements(), tensor.view.float64Elements())
    let floats = try #require(converted.0)
    let doubles = try #require(converted.1)
    for pattern in 0...255 {
      let bits = UInt8(pattern)
      let value = floats[pattern]
      #expect(value.isNaN == fields.nans.contains(bits))
      #expect(!value.isSignalingNaN)
      #expect(value.isInfinite == fields.infinities.contains(bits))
      #expect(doubles[pattern].bitPattern == Double(value).bitPattern)
      if !fields.nans.contains(bits) { #expect((value.sign == .minus) == (bits >= 0x80)) }
      guard value.isFinite else { continue }
      let field = (pattern & 0x7F) >> fields.fractionBits
      let steps = 1 << fields.fractionBits
      let fraction = Double(pattern % steps) / Double(steps)
      let magnitude =
        field == 0
        ? fraction * power(1 - fields.bias) : (1 + fraction) * power(field - fields.bias)
      #expect(Double(value.magnitude) == magnitude)
    }
  }

  @Test("E8M0 holds the powers of two from −127 to 127, and one NaN")
  func powersOfTwo() throws {
    let tensor = tensor(.f8e8m0)
    let converted = tensor.view.float32Elements()
    let floats = try #require(converted)
    for exponent in -127...127 { #expect(Double(floats[exponent + 127]) == power(exponent)) }
    #expect(floats[255].isNaN)
  }

  @Test("the largest and smallest magnitudes are those of the published tables")
  func extremes() {
    func range(_ format: Float8Format) -> (Float, Float) {
      let values = (0...255).map { format.float(bitPattern: UInt8($0)) }
        .filter { $0.isFinite && $0 > 0 }
      return (values.min() ?? 0, values.max() ?? 0)
    }
    #expect(range(.e4m3) == (0x1p-9, 448))
    #expect(range(.e5m2) == (0x1p-16, 57344))
    #expect(range(.e4m3fnuz) == (0x1p-10, 240))
    #expect(range(.e5m2fnuz) == (0x1p-17, 57344))
  }

  @Test("conversion to 16 bits is the rounding of the exact value, over any length")
  func to16Bits() {
    let patterns = (0..<1543).map { UInt8(truncatingIfNeeded: $0 * 7) }
    for (dtype, format) in [(DType.f8e4m3, Float8Format.e4m3), (.f8e8m0, .e8m0)] {
      for target in [DType.f16, .bf16] {
        let found = Bytes(byteCount: patterns.count * 2) { output in
          ElementConversion.convert(
            patterns.span.rawBytes, as: dtype, to: &output, as: target)
        }
        let floats = patterns.map { format.float(bitPattern: $0) }
        let expected = Bytes(byteCount: patterns.count * 2) { output in
          ElementConversion.convert(floats.span.rawBytes, as: .f32, to: &output, as: target)
        }
        let isEqual = found.span.hasSameBytes(as: expected.span)
        #expect(isEqual)
      }
    }
  }
}
