import MopzBytes
import MopzLinearAlgebra
import MopzTensors
import MopzTestSupport
import Testing

/// Sizes, a type and an orientation of a split product.
struct SplitCase: Sendable, CustomTestStringConvertible {
  let rows: Int
  let inner: Int
  let outputs: Int
  let dtype: DType
  let isTransposed: Bool

  var testDescription: String {
    "[\(rows), \(inner)] · \(dtype.code) [\(outputs), \(inner)]ᵀ\(isTransposed ? ", turned" : "")"
  }

  /// All types and orientations of sizes with and without remainders in every direction.
  static let all = [
    (1, 1, 1), (16, 32, 64), (17, 33, 5), (31, 64, 70), (3, 1100, 18), (40, 350, 70), (2, 0, 3),
  ].flatMap { rows, inner, outputs in
    [DType.bf16, .f16, .f32].flatMap { dtype in
      [false, true].map {
        SplitCase(rows: rows, inner: inner, outputs: outputs, dtype: dtype, isTransposed: $0)
      }
    }
  }

  /// Activations of several magnitudes, `[rows, inner]`.
  func activations(seed: UInt64 = 1) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<rows * inner).map { Float(generator.nextBell() * ($0 % 7 == 0 ? 100 : 1)) }
  }

  /// Weights, `[outputs, inner]`, as the type holds them.
  func weights(seed: UInt64 = 2) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return Tensor(shape: [outputs, inner], dtype: dtype, size: 0.1, using: &generator).numbers
  }

  /// Weights as they are stored.
  func stored(_ weights: [Double]) -> Tensor {
    isTransposed
      ? Tensor(
        ReferenceMath.transpose(weights, rows: outputs, columns: inner), shape: [inner, outputs],
        dtype: dtype)
      : Tensor(weights, shape: [outputs, inner], dtype: dtype)
  }

  /// `Y[rows, outputs]`, in calls of some rows and outputs; nil if something is refused.
  func product(
    _ x: [Float], _ weights: [Double], by product: SplitProduct, rowStep: Int = 512,
    outputStep: Int = 256, addingTo start: [Float]? = nil
  ) -> [Float]? {
    let tensor = stored(weights)
    let length = SplitProduct.stripLength
    let stripCount = SplitProduct.stripCount(inner: inner)
    var strips = [Float](repeating: .nan, count: (rows + length - 1) / length * stripCount)
    var memory = strips.mutableSpan
    for (index, first) in stride(from: 0, to: rows, by: length).enumerated() {
      let count = min(length, rows - first)
      let part = x.span.extracting(first * inner..<(first + count) * inner)
      var strip = memory._mutatingExtracting(index * stripCount..<(index + 1) * stripCount)
      let view = MatrixView(part, rows: count, columns: inner)
      guard product.pack(view, into: &strip) else { return nil }
    }
    var y = start ?? [Float](repeating: .nan, count: rows * outputs)
    var workspace = [Float](repeating: .nan, count: SplitProduct.workspaceCount)
    let width = dtype.bitCount / 8
    let bytes = tensor.bytes
    for output in stride(from: 0, to: outputs, by: outputStep) {
      for row in stride(from: 0, to: rows, by: rowStep) {
        let count = min(outputStep, outputs - output)
        let first = isTransposed ? output : output * inner
        let part = bytes.span.extracting(min(first * width, bytes.count)..<bytes.count)
        let block = WeightBlock(
          part, dtype: dtype, rows: isTransposed ? inner : count,
          columns: isTransposed ? count : inner, rowStride: isTransposed ? outputs : inner,
          isTransposed: isTransposed)
        var all = y.mutableSpan
        var result = all._mutatingExtracting(row * outputs + output..<rows * outputs)
        var space = workspace.mutableSpan
        let own = strips.span.extracting(row / length * stripCount..<strips.count)
        guard
          product.multiply(
            block, strips: own, rows: min(rowStep, rows - row), into: &result,
            rowStride: outputs, adds: start != nil, workspace: &space)
        else { return nil }
      }
    }
    return y
  }

  /// The largest error, as a share of `Σ |x| |w|` of its element, beyond what vanishes.
  func error(_ y: [Float], _ x: [Float], _ weights: [Double]) -> Double {
    let wide = x.map { Double($0) }
    let turned = ReferenceMath.transpose(weights, rows: outputs, columns: inner)
    let exact = ReferenceMath.product(
      wide, turned, rows: rows, inner: inner, columns: outputs)
    let sizes = ReferenceMath.product(
      wide.map(\.magnitude), turned.map(\.magnitude), rows: rows, inner: inner, columns: outputs)
    var worst = 0.0
    for index in y.indices where !(Double(y[index]) == exact[index]) {
      let share = (Double(y[index]) - exact[index]).magnitude / sizes[index]
      worst = share.isNaN ? .infinity : max(worst, share)
    }
    return worst
  }
}

extension Float {
  /// The nearest number of 16 significant bits: two pieces of the three.
  var withoutLastPiece: Float {
    let first = Float(bitPattern: (bitPattern &+ 0x7FFF &+ (bitPattern >> 16 & 1)) & 0xFFFF_0000)
    let rest = self - first
    let second = Float(
      bitPattern: (rest.bitPattern &+ 0x7FFF &+ (rest.bitPattern >> 16 & 1)) & 0xFFFF_0000)
    return first + second
  }
}
