import MopzBytes
import MopzTensors
import Testing

extension Tensor {
  fileprivate var floats: [Float]? { view.float32Elements() }
  fileprivate var doubles: [Double]? { view.float64Elements() }
  fileprivate var integers: [Int64]? { view.int64Elements() }
  fileprivate var exactIntegers: [Double]? { view.exactFloat64Integers() }
}

@Suite("Elements of a tensor")
struct TensorViewTests {
  @Test("a range of elements is copied, as Float32 and as Float64")
  func ranges() {
    let halves: [UInt16] = [0x3C00, 0x4000, 0x4200, 0xC400]  // 1, 2, 3, −4
    let tensor = Tensor(
      dtype: .f16, shape: [2, 2], bytes: Bytes(copying: halves.span.rawBytes))
    #expect(tensor.floats == [1, 2, 3, -4])
    #expect(tensor.doubles == [1, 2, 3, -4])

    var floats: [Float] = [9, 9, 9]
    var floatSpan = floats.mutableSpan
    tensor.view.copyFloat32(into: &floatSpan, elements: 1..<3)
    #expect(floats == [2, 3, 9])
    var doubles: [Double] = [9]
    var doubleSpan = doubles.mutableSpan
    tensor.view.copyFloat64(into: &doubleSpan, elements: 3..<4)
    #expect(doubles == [-4])
  }

  @Test("an empty tensor has no elements")
  func empty() {
    let tensor = Tensor(dtype: .f32, shape: [0, 5], bytes: .empty)
    #expect(tensor.floats == [])
    #expect(tensor.doubles == [])
  }

  @Test("integers are no floating-point elements, and the other way round")
  func kinds() {
    let integers = Tensor(dtype: .i16, shape: [1], bytes: Bytes([0, 0]))
    #expect(integers.floats == nil)
    #expect(integers.doubles == nil)
    let halves = Tensor(dtype: .f16, shape: [1], bytes: Bytes([0, 0]))
    #expect(halves.integers == nil)
    #expect(halves.exactIntegers == nil)
  }

  @Test(
    "integers of every width and sign are read exactly",
    arguments: [
      (DType.bool, [UInt8]([0, 1, 2]), [Int64]([0, 1, 1])),
      (.u8, [0, 127, 255], [0, 127, 255]),
      (.i8, [0, 127, 255], [0, 127, -1]),
      (.u16, [255, 255], [65535]),
      (.i16, [254, 255, 0, 128], [-2, -32768]),
      (.u32, [255, 255, 255, 255], [4_294_967_295]),
      (.i32, [255, 255, 255, 255], [-1]),
      (.u64, [255, 255, 255, 255, 255, 255, 255, 127], [.max]),
      (.i64, [0, 0, 0, 0, 0, 0, 0, 128], [.min]),
    ])
  func integers(dtype: DType, bytes: [UInt8], expected: [Int64]) {
    let tensor = Tensor(
      dtype: dtype, shape: Shape([expected.count]), bytes: Bytes(bytes))
    #expect(tensor.integers == expected)
  }

  @Test("what an Int64 or a Double cannot hold exactly is refused")
  func inexactIntegers() {
    let large = Tensor(
      dtype: .u64, shape: [1], bytes: Bytes([0, 0, 0, 0, 0, 0, 0, 128]))
    #expect(large.integers == nil)
    let odd = Tensor(dtype: .i64, shape: [1], bytes: Bytes([1, 0, 0, 0, 0, 0, 32, 0]))  // 2^53 + 1
    #expect(odd.integers == [9_007_199_254_740_993])
    #expect(odd.exactIntegers == nil)
    let even = Tensor(dtype: .i64, shape: [1], bytes: Bytes([2, 0, 0, 0, 0, 0, 32, 0]))
    #expect(even.exactIntegers == [9_007_199_254_740_994])
  }

  @Test("a range beyond the elements is a broken contract")
  func outOfBounds() async {
    await #expect(processExitsWith: .failure) {
      let tensor = Tensor(dtype: .f32, shape: [1], bytes: Bytes([0, 0, 0, 0]))
      var floats: [Float] = [0, 0]
      var span = floats.mutableSpan
      tensor.view.copyFloat32(into: &span, elements: 0..<2)
    }
  }
}
