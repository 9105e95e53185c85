import MopzBytes
import MopzTensors
import MopzTestSupport

@testable import MopzMerging

/// A tile, and what the fused update should make of it, formed as the formula reads.
struct ReferenceTile {
  var rows: Int
  var columns: Int
  var rank: Int
  var baseType: DType
  var mergedType: DType
  var base: [UInt8]
  var left: [Double]
  var right: [Double]
  var dense: [Double]?
  var gains = TileKernel.Gains.none

  /// Random values; weights of a few hundredths, updates about a tenth of that.
  init(
    rows: Int, columns: Int, rank: Int, from baseType: DType, to mergedType: DType,
    hasDense: Bool = false, seed: UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    func numbers(_ count: Int, _ size: Double) -> [Double] {
      (0..<count).map { _ in Double(Float(generator.nextBell() * size)) }
    }
    self.rows = rows
    self.columns = columns
    self.rank = rank
    self.baseType = baseType
    self.mergedType = mergedType
    base = Self.bytes(of: numbers(rows * columns, 0.1), as: baseType)
    left = numbers(rows * rank, 0.1)
    right = numbers(rank * columns, 0.1)
    dense = hasDense ? numbers(rows * columns, 0.01) : nil
  }

  /// `T = g · (W + dense + Σ_j left · right)`, and W, in Float64.
  func target() -> (target: [Double], base: [Double]) {
    let w = Self.numbers(base, as: baseType)
    var delta = ReferenceMath.product(left, right, rows: rows, inner: rank, columns: columns)
    if let dense { for i in delta.indices { delta[i] += dense[i] } }
    let (rowGains, columnGains) = gains.perRowAndColumn
    let target = delta.indices.map { i in
      let gain =
        (rowGains.isEmpty ? 1 : rowGains[i / columns])
        * (columnGains.isEmpty ? 1 : columnGains[i % columns])
      return gain * (w[i] + delta[i])
    }
    return (target, w)
  }

  /// What the kernel makes of the tile.
  func formed(
    by variant: TileKernel.Variant, isNarrow: Bool
  ) -> (merged: [UInt8], sums: TileSums) {
    let packedLeft = TileKernel.packed(
      leftColumns: ReferenceMath.transpose(left, rows: rows, columns: rank), rows: rows,
      rank: rank, as: Double.self)
    let factors: TileKernel.Factors =
      isNarrow
      ? .narrow(
        left: packedLeft.map(Float.init),
        right: TileKernel.packedNarrow(right: right, rank: rank, columns: columns),
        dense: dense?.map(Float.init))
      : .wide(
        left: packedLeft, right: TileKernel.packed(right: right, rank: rank, columns: columns),
        dense: dense)
    let byteCount = rows * columns * mergedType.bitCount / 8
    var merged = [UInt8](repeating: 0xAA, count: byteCount + 64)
    let sums = merged.withMutableBytes(count: byteCount) { span in
      TileKernel(variant: variant).update(
        base: base.span.rawBytes, baseType, to: &span, mergedType, rows: rows, columns: columns,
        rank: rank, firstRow: 0, factors: factors, gains: gains)
    }
    return (merged, sums)
  }

  static func bytes(of numbers: [Double], as type: DType) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: numbers.count * type.bitCount / 8)
    bytes.withMutableBytes(count: bytes.count) { span in
      ElementConversion.convert(numbers.span.rawBytes, as: .f64, to: &span, as: type)
    }
    return bytes
  }

  static func numbers(_ bytes: [UInt8], as type: DType) -> [Double] {
    var numbers = [Double](repeating: 0, count: bytes.count * 8 / type.bitCount)
    numbers.withMutableBytes(count: numbers.count * 8) { span in
      ElementConversion.convert(bytes.span.rawBytes, as: type, to: &span, as: .f64)
    }
    return numbers
  }
}
