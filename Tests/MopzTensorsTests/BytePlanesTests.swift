import MopzBytes
import MopzTestSupport
import Testing

@testable import MopzTensors

@Suite("Bytes are grouped by significance")
struct BytePlanesTests {
  /// Plane `number`, element by element, as the specification says.
  private static func plane(_ number: Int, of elements: [UInt8], _ dtype: DType) -> [UInt8] {
    let width = dtype.bitCount / 8
    return (0..<(elements.count / width)).map { index in
      var word: UInt64 = 0
      for byte in (0..<width).reversed() {
        word = word << 8 | UInt64(elements[index * width + byte])
      }
      let bits = UInt64(8 * width)
      if dtype.isReal && width > 1 {
        let mask = bits == 64 ? UInt64.max : (1 << bits) - 1
        word = (word << 1 | word >> (bits - 1)) & mask
      }
      return UInt8(truncatingIfNeeded: word >> UInt64(8 * number))
    }
  }

  @Test(
    "the kernels split as the plain loop does, and join what was split",
    arguments: DType.allCases.filter { $0.bitCount >= 8 })
  func twins(_ dtype: DType) {
    let width = dtype.bitCount / 8
    var generator = SeededGenerator(seed: UInt64(dtype.rawValue))
    for count in [0, 1, 3, 15, 16, 17, 1000] {
      let elements = (0..<(count * width)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      var planes: [UInt8] = []
      for number in 0..<width {
        let plane = Bytes(byteCount: count) { target in
          BytePlanes.split(elements.span.rawBytes, of: dtype, plane: number, into: &target)
        }
        expectSameBytes([UInt8](copying: plane.span), Self.plane(number, of: elements, dtype))
        planes.append(copying: plane.span)
      }
      let joined = Bytes(byteCount: elements.count) { target in
        BytePlanes.join(planes.span.rawBytes, of: dtype, into: &target)
      }
      expectSameBytes([UInt8](copying: joined.span), elements)
    }
  }
}
