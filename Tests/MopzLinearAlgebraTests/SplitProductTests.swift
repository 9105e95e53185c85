import MopzLinearAlgebra
import MopzTensors
import MopzTestSupport
import Testing

@Suite("Split product")
struct SplitProductTests {
  static let variants = SplitProduct.allCases.filter(\.isAvailable)
  /// The share of `Σ |x| |w|` that an element may be wrong by: a few roundings in Float32.
  static let tolerance = 5e-7

  @Test(
    "products are those of the definition in Float64 to the accuracy of Float32",
    arguments: variants, SplitCase.all)
  func definition(_ product: SplitProduct, _ example: SplitCase) throws {
    let (x, weights) = (example.activations(), example.weights())
    let y = try #require(example.product(x, weights, by: product))
    #expect(example.error(y, x, weights) <= Self.tolerance)
  }

  @Test("a piece that is left out is noticed", arguments: variants)
  func droppedPiece(_ product: SplitProduct) throws {
    for dtype in [DType.bf16, .f16, .f32] {
      let example = SplitCase(
        rows: 40, inner: 40, outputs: 70, dtype: dtype, isTransposed: false)
      let (x, weights) = (example.activations(), example.weights())
      let dropped = x.map(\.withoutLastPiece)
      let y = try #require(example.product(dropped, weights, by: product))
      #expect(example.error(y, x, weights) > 2 * Self.tolerance)
    }
    let example = SplitCase(rows: 40, inner: 40, outputs: 70, dtype: .f32, isTransposed: false)
    let (x, weights) = (example.activations(), example.weights())
    let dropped = weights.map { Double(Float($0).withoutLastPiece) }
    let y = try #require(example.product(x, dropped, by: product))
    #expect(example.error(y, x, weights) > 2 * Self.tolerance)
  }

  @Test(
    "the tiles give the bits of the plain loops",
    .enabled(if: SplitProduct.tiles.isAvailable), arguments: SplitCase.all)
  func sameBits(_ example: SplitCase) {
    let (x, weights) = (example.activations(seed: 7), example.weights(seed: 8))
    let tiles = example.product(x, weights, by: .tiles)?.map(\.bitPattern)
    #expect(tiles != nil)
    #expect(tiles == example.product(x, weights, by: .portable)?.map(\.bitPattern))
  }

  @Test("the result does not depend on how the work is divided", arguments: variants)
  func division(_ product: SplitProduct) {
    for dtype in [DType.bf16, .f32] {
      let example = SplitCase(
        rows: 70, inner: 40, outputs: 100, dtype: dtype, isTransposed: dtype == .f32)
      let (x, weights) = (example.activations(), example.weights())
      let whole = example.product(x, weights, by: product)
      #expect(whole != nil)
      #expect(whole == example.product(x, weights, by: product, rowStep: 16, outputStep: 7))
      #expect(whole == example.product(x, weights, by: product, rowStep: 48, outputStep: 64))
    }
  }

  @Test("a second part is added to the first", arguments: variants)
  func adding(_ product: SplitProduct) throws {
    let example = SplitCase(rows: 18, inner: 35, outputs: 20, dtype: .bf16, isTransposed: false)
    let (x, weights) = (example.activations(), example.weights())
    let start = (0..<360).map { Float($0) / 8 }
    let plain = try #require(example.product(x, weights, by: product))
    let sum = try #require(example.product(x, weights, by: product, addingTo: start))
    #expect(sum == zip(start, plain).map { $0 + $1 })
  }

  @Test(
    "rows of any magnitude keep their accuracy, subnormal ones as well",
    arguments: variants, [-149, -140, -127, -126, -100, -66, 60, 100, 118])
  func magnitudes(_ product: SplitProduct, _ exponent: Int) throws {
    let example = SplitCase(rows: 17, inner: 33, outputs: 20, dtype: .bf16, isTransposed: false)
    let scale = Float(sign: .plus, exponent: exponent, significand: 1)
    // Rows of whole multiples of the scale: exact even where it is the smallest number there is.
    let x = example.activations().enumerated().map { index, value in
      index / 33 % 2 == 0 ? (value * 8).rounded() * scale : value
    }
    let weights = example.weights()
    let y = try #require(example.product(x, weights, by: product))
    // The sum itself is rounded where it is subnormal.
    let least = Double(Float.leastNonzeroMagnitude)
    let exact = ReferenceMath.product(
      x.map { Double($0) },
      ReferenceMath.transpose(weights, rows: 20, columns: 33), rows: 17, inner: 33, columns: 20)
    for row in 0..<17 {
      let size = x[row * 33..<(row + 1) * 33].map { Double($0.magnitude) }.reduce(0, +)
      for output in 0..<20 {
        let (found, expected) = (Double(y[row * 20 + output]), exact[row * 20 + output])
        #expect((found - expected).magnitude <= max(0.5 * least, Self.tolerance * 0.1 * size))
      }
    }
    #expect(y.contains { $0 != 0 })
  }

  @Test("the smallest normal weights do not vanish", arguments: variants)
  func tinyWeights(_ product: SplitProduct) throws {
    for (dtype, exponent) in [(DType.bf16, -126), (.f32, -102), (.f16, -24)] {
      let example = SplitCase(rows: 3, inner: 40, outputs: 5, dtype: dtype, isTransposed: false)
      var generator = SeededGenerator(seed: 3)
      let sizes = (0..<200).map { _ in
        Double(sign: .plus, exponent: exponent, significand: .random(in: 1..<2, using: &generator))
      }
      let weights = Tensor(sizes, shape: [5, 40], dtype: dtype).numbers
      let x = example.activations()
      let y = try #require(example.product(x, weights, by: product))
      #expect(example.error(y, x, weights) <= Self.tolerance)
      #expect(y.allSatisfy { $0 != 0 })
    }
  }

  @Test(
    "weights that the tiles would lose or spoil are refused, wherever they are",
    arguments: variants, [0, 39, 40, 199])
  func refusedWeights(_ product: SplitProduct, _ place: Int) {
    let refused: [(DType, [Double])] = [
      (.bf16, [0x1p-127, 0x1p-133, 0x1p50, -.infinity, .nan]),
      (.f32, [0x1p-104, 0x1p-149, 0x1p50, .infinity, .nan]),
      (.f16, [.infinity, .nan]),
    ]
    for (dtype, values) in refused {
      for isTransposed in [false, true] {
        let example = SplitCase(
          rows: 3, inner: 40, outputs: 5, dtype: dtype, isTransposed: isTransposed)
        var weights = example.weights()
        weights[place] = 0
        #expect(example.product(example.activations(), weights, by: product) != nil)
        for value in values {
          weights[place] = value
          #expect(example.product(example.activations(), weights, by: product) == nil)
        }
      }
    }
  }

  @Test(
    "rows that are not finite are refused", arguments: variants,
    [Float.nan, .infinity, -.infinity])
  func refusedRows(_ product: SplitProduct, _ value: Float) {
    let example = SplitCase(rows: 18, inner: 40, outputs: 5, dtype: .bf16, isTransposed: false)
    for place in [0, 39, 17 * 40 + 33] {
      var x = example.activations()
      x[place] = value
      #expect(example.product(x, example.weights(), by: product) == nil)
      x[place] = .greatestFiniteMagnitude
      #expect(example.product(x, example.weights(), by: product) != nil)
    }
  }
}
