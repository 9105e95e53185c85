import MopzBytes
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzVerification

@Suite("Rounding of verification")
struct StoredFormatTests {
  static let formats = ReferenceFloat.Format.all

  @Test("numbers round to nearest even, as the definition says", arguments: formats)
  func rounding(reference: ReferenceFloat.Format) throws {
    let format = try #require(StoredFormat(reference.dtype))
    var generator = SeededGenerator(seed: 11)
    var values: [Double] = [
      0, -0.0, .infinity, -.infinity, 1e300, -1e300, .leastNonzeroMagnitude, 1e-46,
    ]
    for _ in 0..<20_000 {
      // Exponents around those of the type, significands at and around ties.
      let exponent = Int.random(in: -160...135, using: &generator)
      let kept = generator.next() & (1 << UInt64(reference.fractionBits + 1) - 1)
      let tie = Double(kept * 2 + 1)
      let value = Double(sign: .plus, exponent: exponent - reference.fractionBits, significand: tie)
      values += [value, value.nextUp, -value.nextDown]
      values.append(
        Double(
          sign: .plus, exponent: exponent, significand: 1 + .random(in: 0..<1, using: &generator)))
    }
    for value in values {
      let bits = ReferenceFloat.convert(value.bitPattern, from: .f64, to: reference)
      let expected = Double(bitPattern: ReferenceFloat.convert(bits, from: reference, to: .f64))
      let found = format.rounded(value)
      if found != expected { Issue.record("\(value) → \(found), not \(expected)") }
    }
    #expect(format.rounded(.nan).isNaN)
  }

  @Test("the unit in the last place is the distance to the next number", arguments: formats)
  func units(reference: ReferenceFloat.Format) throws {
    let format = try #require(StoredFormat(reference.dtype))
    var generator = SeededGenerator(seed: 12)
    for _ in 0..<5000 {
      let bits = generator.next() & (reference.signBit - 1)
      guard bits < reference.infinity - 1 else { continue }
      let value = Double(bitPattern: ReferenceFloat.convert(bits, from: reference, to: .f64))
      let next = Double(bitPattern: ReferenceFloat.convert(bits + 1, from: reference, to: .f64))
      #expect(format.unit(at: value) == next - value)
    }
    #expect(format.unit(at: 0) == format.unit(at: .leastNonzeroMagnitude))
  }

  @Test("all half and bfloat patterns are read as defined")
  func reading() throws {
    for reference in [ReferenceFloat.Format.f16, .bf16] {
      let patterns = (0...UInt16.max).map(\.self)
      let tensor = Tensor(
        dtype: reference.dtype, shape: [patterns.count],
        bytes: Bytes(copying: patterns.span.rawBytes))
      let found = try #require(StoredElements.all(of: tensor))
      for pattern in patterns {
        let bits = ReferenceFloat.convert(UInt64(pattern), from: reference, to: .f64)
        let expected = Double(bitPattern: bits)
        let value = found[Int(pattern)]
        if expected.isNaN ? !value.isNaN : value.bitPattern != expected.bitPattern {
          Issue.record("\(reference.dtype.code) \(pattern): \(value), not \(expected)")
        }
      }
    }
  }

  @Test("integers are no elements")
  func integers() {
    let tensor = Tensor(dtype: .i8, shape: [1], bytes: Bytes([1]))
    #expect(StoredElements.all(of: tensor) == nil)
    #expect(StoredFormat(.i8) == nil)
  }
}
