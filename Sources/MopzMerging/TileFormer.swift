import MopzBinding
import MopzBytes
import MopzTensors

/// Forms tiles of a prepared target in scratch memory.
struct TileFormer {
  let prepared: PreparedTarget
  /// The base's tensor, with which the result is compared.
  let base: Tensor
  let type: DType
  let kernel: TileKernel

  /// Forms rows of the tile matrix at the front of `scratch.merged`.
  ///
  /// - Returns: What was measured, and the bytes that were formed.
  func form(rows: Range<Int>, in scratch: inout TileScratch) -> (sums: TileSums, byteCount: Int) {
    let columns = prepared.target.tileMatrix.columns
    let byteCount = rows.count * columns * type.bitCount / 8
    TileScratch.grow(&scratch.merged, to: byteCount)
    var sums: TileSums
    switch prepared.method {
    case .narrow(let left, let right):
      let dense = dense(rows)
      let factors = TileKernel.Factors.narrow(
        left: left, right: right, dense: dense.map { $0.map(Float.init) })
      sums = update(rows, factors, .none, &scratch.merged, byteCount)
      if !sums.isTrusted {
        // Seldom: a delta of zero, of tiny numbers, or one that overflows.
        let wide = TileKernel.Factors.wide(
          left: left.map(Double.init), right: TileKernel.unfolded(right), dense: dense)
        sums = update(rows, wide, .none, &scratch.merged, byteCount)
      }
    case .wide(let left, let right):
      sums = update(
        rows, .wide(left: left, right: right, dense: dense(rows)), .none, &scratch.merged,
        byteCount)
    case .rowMagnitude(let left, let right, let magnitude):
      let factors = TileKernel.Factors.wide(left: left, right: right, dense: dense(rows))
      let norms = rowNorms(rows, factors, &scratch)
      let gains = zip(magnitude[rows], norms).map { $0 / $1 }
      sums = update(rows, factors, .rows(gains), &scratch.merged, byteCount)
    case .columnMagnitude(let left, let right, let gains):
      sums = update(
        rows, .wide(left: left, right: right, dense: dense(rows)), .columns(gains),
        &scratch.merged, byteCount)
    case .replaced: sums = replace(rows, &scratch, byteCount)
    }
    if sums.nonfinite > 0 {
      let before = TileKernel.nonfiniteCount(of: tile(of: base, rows).bytes.span, base.dtype)
      sums.overflowed = max(0, sums.nonfinite - before)
    }
    return (sums, byteCount)
  }

  private func update(
    _ rows: Range<Int>, _ factors: TileKernel.Factors, _ gains: TileKernel.Gains,
    _ merged: inout [UInt8], _ byteCount: Int
  ) -> TileSums {
    let bytes = tile(of: prepared.start, rows).bytes
    return merged.withMutableBytes(count: byteCount) { span in
      kernel.update(
        base: bytes.span, prepared.start.dtype, to: &span, type, rows: rows.count,
        columns: prepared.target.tileMatrix.columns, rank: prepared.rank,
        firstRow: rows.lowerBound, factors: factors, gains: gains)
    }
  }

  /// `‖V_r‖` of the tile's rows, in Float64.
  private func rowNorms(
    _ rows: Range<Int>, _ factors: TileKernel.Factors, _ scratch: inout TileScratch
  ) -> [Double] {
    let columns = prepared.target.tileMatrix.columns
    TileScratch.grow(&scratch.values, to: rows.count * columns)
    let bytes = tile(of: prepared.start, rows).bytes
    scratch.values.withMutableBytes(count: rows.count * columns * 8) { span in
      _ = kernel.update(
        base: bytes.span, prepared.start.dtype, to: &span, .f64, rows: rows.count,
        columns: columns, rank: prepared.rank, firstRow: rows.lowerBound, factors: factors)
    }
    var squares = [Double](repeating: 0, count: rows.count)
    var none: [Double] = []
    TileKernel.addSquares(
      of: scratch.values, rows: rows.count, columns: columns, toRows: &squares, orColumns: &none)
    return squares.map { $0.squareRoot() }
  }

  /// The full-size deltas of all adapters for a tile, or nil if there are none.
  private func dense(_ rows: Range<Int>) -> [Double]? {
    var sum: [Double]?
    for dense in prepared.target.dense {
      let values = tile(of: dense.tensor, rows).view.float64Elements() ?? []
      if sum == nil {
        sum = values.map { $0 * dense.scale }
      } else {
        for i in values.indices { sum?[i] += dense.scale * values[i] }
      }
    }
    return sum
  }

  /// The rows of a tensor that has as many elements as the target.
  private func tile(of tensor: Tensor, _ rows: Range<Int>) -> Tensor {
    let columns = prepared.target.tileMatrix.columns
    let width = columns * tensor.dtype.bitCount / 8
    return Tensor(
      dtype: tensor.dtype, shape: [rows.count, columns],
      bytes: tensor.bytes.slice(rows.lowerBound * width..<rows.upperBound * width))
  }

  // MARK: Replaced values

  /// Stores other values, and compares them with the base's.
  private func replace(
    _ rows: Range<Int>, _ scratch: inout TileScratch, _ byteCount: Int
  ) -> TileSums {
    let columns = prepared.target.tileMatrix.columns
    let old = tile(of: base, rows).view.float64Elements() ?? []
    var new = tile(of: prepared.start, rows).view.float64Elements() ?? []
    if let replaced = prepared.target.rows {
      for row in rows {
        guard let place = prepared.rowPlaces[row] else { continue }
        let first = (row - rows.lowerBound) * columns
        var values = new.mutableSpan
        var target = values._mutatingExtracting(first..<first + columns)
        replaced.values.view.copyFloat64(
          into: &target, elements: place * columns..<(place + 1) * columns)
      }
    }
    let stored = stored(new, &scratch.merged, byteCount)
    let unchanged = old == new ? stored : rounded(old)
    var sums = TileSums()
    sums.count = new.count
    for i in new.indices {
      let delta = new[i] - old[i]
      let change = stored[i] - old[i]
      sums.projection += change * delta
      sums.deltaSquares += delta * delta
      sums.errorSquares += (change - delta) * (change - delta)
      if stored[i] == unchanged[i] { sums.unchanged += 1 }
    }
    sums.nonfinite = stored.count { !$0.isFinite }
    return sums
  }

  /// Rounds values into `merged` and returns them as they were stored.
  private func stored(_ values: [Double], _ merged: inout [UInt8], _ byteCount: Int) -> [Double] {
    merged.withMutableBytes(count: byteCount) { span in
      ElementConversion.convert(values.span.rawBytes, as: .f64, to: &span, as: type)
    }
    var back = [Double](repeating: 0, count: values.count)
    back.withMutableBytes(count: values.count * 8) { span in
      ElementConversion.convert(
        merged.span.rawBytes.extracting(0..<byteCount), as: type, to: &span, as: .f64)
    }
    return back
  }

  private func rounded(_ values: [Double]) -> [Double] {
    var bytes = [UInt8](repeating: 0, count: values.count * type.bitCount / 8)
    return stored(values, &bytes, bytes.count)
  }
}
