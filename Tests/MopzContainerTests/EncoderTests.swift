import MopzBytes
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzContainer

@Suite("Blocks are encoded without loss")
struct EncoderTests {
  /// A tensor of bit patterns.
  static func tensor<Word: FixedWidthInteger & BitwiseCopyable>(
    _ dtype: DType, _ words: [Word]
  ) -> Tensor {
    Tensor(dtype: dtype, shape: [words.count], bytes: Bytes(copying: words.span.rawBytes))
  }

  static func roundTrip(_ tensor: Tensor) throws -> EncodedBlock? {
    guard let encoded = BlockEncoder().encoded(tensor) else { return nil }
    #expect(encoded.bytes.count < tensor.bytes.count)
    let decoded = try encoded.decoded()
    #expect(decoded.dtype == tensor.dtype && decoded.shape == tensor.shape)
    expectSameBytes(decoded.bytes, tensor.bytes)
    return encoded
  }

  /// Bits that a conversion of values would lose: signs of zero, signalling NaNs, payloads,
  /// subnormals, both infinities.
  static let special32: [UInt32] = [
    0, 0x8000_0000, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0xFFC1_2000, 0x7F80_2000, 0x3880_0000,
    0x3300_0000 | 0x80_0000, 0xB380_0000, 0x477F_E000,
  ]

  @Test(
    "values of every type come back, whatever they are",
    arguments: DType.allCases.filter { $0.bitCount >= 8 })
  func everyType(_ dtype: DType) throws {
    for count in [1, 2, 31, 1000, 70_000] {
      _ = try Self.roundTrip(SampleAdapters.tensor(dtype, [count], seed: UInt64(count)))
      let zeros = Bytes(byteCount: count * dtype.bitCount / 8) { _ in }
      let encoded = try Self.roundTrip(Tensor(dtype: dtype, shape: [count], bytes: zeros))
      #expect(count < 1000 || encoded?.codec == .planes)
    }
  }

  @Test("random weights of 16 and 32 bits take less, and the exponent's plane is why")
  func weights() throws {
    for (dtype, share) in [(DType.bf16, 0.75), (.f16, 0.9), (.f32, 0.88)] {
      let tensor = SampleAdapters.tensor(dtype, [256, 256], seed: 5)
      let encoded = try #require(try Self.roundTrip(tensor))
      #expect(encoded.codec == .planes && encoded.storedDType == dtype)
      #expect(Double(encoded.bytes.count) < share * Double(tensor.bytes.count))
    }
  }

  @Test("bytes without any order stay as they are")
  func noise() throws {
    var generator = SeededGenerator(seed: 8)
    let words = (0..<50_000).map { _ in UInt32.random(in: 0...UInt32.max, using: &generator) }
    #expect(BlockEncoder().encoded(Self.tensor(.u32, words)) == nil)
  }

  @Test("bf16, f16 and f32 that were saved wider are stored as they were, every bit of them")
  func narrower() throws {
    var generator = SeededGenerator(seed: 21)
    for _ in 0..<50 {
      let halves = (0..<300).map { _ in UInt16.random(in: 0...UInt16.max, using: &generator) }
      let brains = halves.map { UInt32($0) << 16 }
      #expect(try Self.roundTrip(Self.tensor(.f32, brains))?.storedDType == .bf16)
      let wide = halves.map { Widening.float32Bits(ofFloat16: $0) }
      #expect(try Self.roundTrip(Self.tensor(.f32, wide))?.storedDType == .f16)
      let singles = (0..<300).map { _ in UInt32.random(in: 0...UInt32.max, using: &generator) }
      let doubles = singles.map { Widening.float64Bits(ofFloat32: $0) }
      #expect(try Self.roundTrip(Self.tensor(.f64, doubles))?.storedDType == .f32)
    }
    #expect(try Self.roundTrip(Self.tensor(.f32, Self.special32))?.storedDType == .f16)
  }

  @Test("every f16 is narrowed to itself, and one bit more is too much")
  func everyHalf() {
    for half in UInt16.min...UInt16.max {
      let wide = Widening.float32Bits(ofFloat16: half)
      #expect(Narrowing.float16Bits(ofFloat32: wide) == half)
    }
    for bits in Self.special32 {
      let words = [bits | 1, 0x3880_2000]
      #expect(Narrowing.narrowed(Self.tensor(.f32, words)) == nil, "\(bits)")
    }
  }

  @Test("one value that needs its bits keeps the whole tensor wide")
  func negativeControls() throws {
    var words = [UInt32](repeating: 0x3F80_0000, count: 100)
    #expect(Narrowing.narrowed(Self.tensor(.f32, words))?.dtype == .bf16)
    for bits in [0x3F80_0001, 0x7F80_0001, 0x0000_0001, 0x4780_1000] as [UInt32] {
      words[99] = bits
      #expect(Narrowing.narrowed(Self.tensor(.f32, words)) == nil)
    }
    words[99] = 0x4780_0000  // 65536: too large for f16, and a bf16.
    #expect(Narrowing.narrowed(Self.tensor(.f32, words))?.dtype == .bf16)
    words[98] = 0x3F80_2000  // An f16 that is no bf16, beside one that is no f16.
    #expect(Narrowing.narrowed(Self.tensor(.f32, words)) == nil)
    words[99] = 0
    #expect(Narrowing.narrowed(Self.tensor(.f32, words))?.dtype == .f16)
    let doubles: [UInt64] = [0x3FF0_0000_0000_0000, 0x0000_0000_0000_0001]
    #expect(Narrowing.narrowed(Self.tensor(.f64, doubles)) == nil)
  }

  @Test("no block expands further than a reader allows", arguments: [DType.u8, .bf16, .f32, .f64])
  func expansion(_ dtype: DType) throws {
    let count = 3_000_000
    let zeros = Bytes(byteCount: count * dtype.bitCount / 8) { _ in }
    let tensor = Tensor(dtype: dtype, shape: [count], bytes: zeros)
    let encoded = try #require(BlockEncoder().encoded(tensor))
    #expect(encoded.bytes.count * Limits.planesExpansion >= zeros.count)
    #expect(encoded.bytes.count * 100 < zeros.count)
    expectSameBytes(try encoded.decoded().bytes, zeros)
  }
}

@Suite("Matrices are quantised by rows")
struct RowsInt8EncoderTests {
  @Test(
    "every element is within half a scale of what was given", arguments: [DType.f32, .f16, .bf16])
  func bound(_ dtype: DType) throws {
    var generator = SeededGenerator(seed: 3)
    let shape: Shape = [7, 33]
    var values = (0..<shape.elementCount).map { _ in Float.random(in: -2...2, using: &generator) }
    for column in 0..<33 { values[33 + column] = 0 }
    let encoded = try #require(RowsInt8.encoded(values, shape: shape, as: dtype))
    #expect(encoded.codec == .rowsInt8 && encoded.storedDType == .i8)
    #expect(encoded.bytes.count == 64 + values.count)
    let decoded = try encoded.decoded()
    let elements = decoded.view.float32Elements()
    let found = try #require(elements)
    // Half a unit in the last place of the type, of values up to 2.
    let ulp: Float = dtype == .f32 ? 0 : dtype == .f16 ? 0x1p-11 : 0x1p-8
    var isTight = false
    for row in 0..<7 {
      let scale = values[(row * 33)..<(row * 33 + 33)].map(\.magnitude).max().map { $0 / 127 } ?? 0
      for index in (row * 33)..<(row * 33 + 33) {
        let error = (found[index] - values[index]).magnitude
        #expect(error <= scale / 2 * 1.001 + ulp)
        isTight = isTight || error > scale / 4
      }
    }
    #expect(isTight, "a bound that nothing comes near would prove nothing")
  }

  @Test("the scale and the rounding are those of the specification")
  func vectors() throws {
    let values: [Float] = [127, 63.5, -0.5, 1.5, 2.5, -127]
    let encoded = try #require(RowsInt8.encoded(values, shape: [1, 6], as: .f32))
    let span = encoded.bytes.span
    #expect(Float(bitPattern: span.loadLittleEndian(fromByteOffset: 0, as: UInt32.self)) == 1)
    let quanta = (64..<70).map { Int8(bitPattern: span.byte(at: $0)) }
    #expect(quanta == [127, 64, 0, 2, 2, -127])
  }

  @Test("tiny and huge rows stay finite, and a row of zeros is zero")
  func extremes() throws {
    let tiny = Float.leastNonzeroMagnitude
    let huge = Float.greatestFiniteMagnitude
    let values: [Float] = [tiny, -tiny, huge, -huge, 0, -0.0]
    let encoded = try #require(RowsInt8.encoded(values, shape: [3, 2], as: .f32))
    let decoded = try encoded.decoded()
    let elements = decoded.view.float32Elements()
    let found = try #require(elements)
    #expect(found[0] == tiny && found[1] == -tiny)
    #expect(found[2].isFinite && found[2] > 0.99 * huge && found[3] == -found[2])
    #expect(found[4] == 0 && found[5] == 0)
  }

  @Test("what no scale can hold is refused")
  func refused() {
    #expect(RowsInt8.encoded([.nan, 1], shape: [1, 2], as: .f32) == nil)
    #expect(RowsInt8.encoded([.infinity, 1], shape: [1, 2], as: .f32) == nil)
    #expect(RowsInt8.encoded([1], shape: [], as: .f32) == nil)
    #expect(RowsInt8.encoded([], shape: [0, 2], as: .f32) == nil)
    #expect(RowsInt8.encoded([1, 1], shape: [2], as: .f64) == nil)
    #expect(RowsInt8.encoded([1, 1], shape: [2], as: .f32) != nil)
  }
}
