import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzMerging

@Suite("The fused update of a tile")
struct TileKernelTests {
  /// Rows, columns, rank: whole blocks, edges on every side, rank 1 and 0, one element.
  static let sizes = [
    (8, 32, 4), (16, 96, 16), (9, 33, 3), (1, 1, 1), (7, 31, 1), (23, 100, 8), (3, 17, 0),
    (40, 5, 2),
  ]
  static let variants = TileKernel.Variant.allCases.filter(\.isAvailable)

  /// The largest error in ulps of the result beyond the half that rounding takes, and the
  /// share of elements that are the correctly rounded target.
  private func accuracy(
    of merged: [Double], target: [Double], type: DType
  ) -> (excess: Double, exactShare: Double) {
    let rounded = ReferenceTile.numbers(
      ReferenceTile.bytes(of: target, as: type), as: type)
    var excess = 0.0
    for i in merged.indices {
      let ulp = ulp(of: target[i], type)
      excess = max(excess, (merged[i] - target[i]).magnitude / ulp - 0.5)
    }
    let exact = zip(merged, rounded).count { $0 == $1 }
    return (excess, merged.isEmpty ? 1 : Double(exact) / Double(merged.count))
  }

  private func ulp(of value: Double, _ type: DType) -> Double {
    let (digits, smallest): (Double, Double) =
      switch type {
      case .bf16: (0x1p-7, 0x1p-133)
      case .f16: (0x1p-10, 0x1p-24)
      case .f32: (0x1p-23, 0x1p-149)
      default: (0x1p-52, 0x1p-1074)
      }
    return max(value.magnitude.binade * digits, smallest)
  }

  @Test(
    "products in Float32 round 16-bit results as one rounding of the exact sum does",
    arguments: sizes, [(DType.bf16, DType.bf16), (.f16, .f16), (.f32, .bf16), (.bf16, .f16)])
  func narrow(size: (Int, Int, Int), types: (DType, DType)) {
    let tile = ReferenceTile(
      rows: size.0, columns: size.1, rank: size.2, from: types.0, to: types.1,
      hasDense: size.2 == 3, seed: 7)
    let (target, _) = tile.target()
    for variant in Self.variants {
      let (bytes, _) = tile.formed(by: variant, isNarrow: true)
      let merged = ReferenceTile.numbers(
        Array(bytes.dropLast(64)), as: types.1)
      let (excess, exactShare) = accuracy(of: merged, target: target, type: types.1)
      #expect(excess < 0.01)
      let inexactCount = (1 - exactShare) * Double(target.count)
      #expect(inexactCount <= max(2, 0.001 * Double(target.count)))
      let isInBounds = bytes.suffix(64).allSatisfy { $0 == 0xAA }
      #expect(isInBounds)
      // Truncation instead of rounding has to be seen by the same measure.
      let truncated = bytes.dropLast(64).enumerated().map { i, byte in
        i % 2 == 0 ? byte & 0xFE : byte
      }
      let control = accuracy(
        of: ReferenceTile.numbers(truncated, as: types.1), target: target, type: types.1)
      if target.count > 30 { #expect(control.excess > 0.01) }
    }
  }

  @Test(
    "products in Float64 give the correctly rounded sum",
    arguments: sizes,
    [
      (DType.f32, DType.f32), (.bf16, .f32), (.f32, .f16), (.f16, .bf16), (.f64, .f64),
      (.f64, .bf16),
    ])
  func wide(size: (Int, Int, Int), types: (DType, DType)) {
    let tile = ReferenceTile(
      rows: size.0, columns: size.1, rank: size.2, from: types.0, to: types.1,
      hasDense: size.2 == 3, seed: 11)
    let (target, _) = tile.target()
    for variant in Self.variants {
      let (bytes, _) = tile.formed(by: variant, isNarrow: false)
      let merged = ReferenceTile.numbers(Array(bytes.dropLast(64)), as: types.1)
      let (excess, _) = accuracy(of: merged, target: target, type: types.1)
      // The sums themselves are Float64: for f64 results a few ulps are theirs.
      #expect(excess < (types.1 == .f64 ? 8 : 1e-6))
    }
  }

  @Test("gains scale rows or columns before the one rounding", arguments: [true, false])
  func gains(perRow: Bool) {
    var tile = ReferenceTile(rows: 19, columns: 45, rank: 5, from: .bf16, to: .bf16, seed: 3)
    var generator = SeededGenerator(seed: 4)
    let gains = (0..<(perRow ? 19 : 45)).map { _ in 1 + generator.nextBell() }
    tile.gains = perRow ? .rows(gains) : .columns(gains)
    let (target, _) = tile.target()
    for variant in Self.variants {
      let (bytes, _) = tile.formed(by: variant, isNarrow: false)
      let merged = ReferenceTile.numbers(Array(bytes.dropLast(64)), as: .bf16)
      #expect(accuracy(of: merged, target: target, type: .bf16).excess < 1e-6)
    }
    tile.gains = .none
    let (ungained, _) = tile.target()
    #expect(ungained != target)
  }

  @Test("all variants write the same bytes", arguments: [true, false], SeededGenerator.seeds)
  func sameBytes(isNarrow: Bool, seed: UInt64) {
    let tile = ReferenceTile(
      rows: 29, columns: 117, rank: 6, from: .bf16, to: .bf16, hasDense: true, seed: seed)
    let expected = tile.formed(by: .portable, isNarrow: isNarrow).merged
    for variant in Self.variants {
      expectSameBytes(tile.formed(by: variant, isNarrow: isNarrow).merged, expected)
    }
  }

  @Test("the sums are those of what was written", arguments: [true, false], [DType.bf16, .f16])
  func sums(isNarrow: Bool, type: DType) {
    let tile = ReferenceTile(rows: 21, columns: 75, rank: 4, from: type, to: type, seed: 5)
    let (target, w) = tile.target()
    for variant in Self.variants {
      let (bytes, sums) = tile.formed(by: variant, isNarrow: isNarrow)
      let m = ReferenceTile.numbers(Array(bytes.dropLast(64)), as: type)
      var expected = TileSums()
      for i in m.indices {
        let delta = target[i] - w[i]
        expected.projection += (m[i] - w[i]) * delta
        expected.deltaSquares += delta * delta
        expected.errorSquares += (m[i] - w[i] - delta) * (m[i] - w[i] - delta)
        if m[i] == w[i] { expected.unchanged += 1 }
      }
      func isNear(_ a: Double, _ b: Double, scale: Double = 1) -> Bool {
        (a * scale - b).magnitude <= 1e-5 * b.magnitude
      }
      #expect(isNear(sums.projection, expected.projection))
      #expect(isNear(sums.deltaSquares, expected.deltaSquares))
      #expect(isNear(sums.errorSquares, expected.errorSquares))
      #expect(!isNear(sums.errorSquares, expected.errorSquares, scale: 1.001))
      #expect(sums.unchanged == expected.unchanged)
      #expect(sums.count == 21 * 75 && sums.nonfinite == 0 && sums.isTrusted)
    }
  }

  @Test("an infinity, a NaN and an overflow are counted", arguments: [DType.bf16, .f16, .f32])
  func nonfinite(type: DType) {
    var tile = ReferenceTile(rows: 9, columns: 40, rank: 2, from: type, to: type, seed: 6)
    var w = ReferenceTile.numbers(tile.base, as: type)
    w[3] = .infinity
    w[200] = .nan
    tile.base = ReferenceTile.bytes(of: w, as: type)
    tile.dense = [Double](repeating: 0, count: 360)
    tile.dense?[77] = 1e39
    for variant in Self.variants {
      let sums = tile.formed(by: variant, isNarrow: false).sums
      #expect(sums.nonfinite == 3)
    }
    guard type != .f32 else { return }
    for variant in Self.variants {
      #expect(!tile.formed(by: variant, isNarrow: true).sums.isTrusted)
    }
  }

  @Test("squares that vanish in Float32 are not trusted")
  func vanishing() {
    var tile = ReferenceTile(rows: 8, columns: 32, rank: 1, from: .bf16, to: .bf16, seed: 8)
    tile.left = tile.left.map { $0 * 1e-24 }
    for variant in Self.variants {
      #expect(!tile.formed(by: variant, isNarrow: true).sums.isTrusted)
      let sums = tile.formed(by: variant, isNarrow: false).sums
      #expect(sums.deltaSquares > 0)
    }
  }
}
