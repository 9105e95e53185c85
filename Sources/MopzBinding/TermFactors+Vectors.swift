import MopzAdapters
import MopzTensors

extension TermFactors {
  /// The vectors of a factor, `[rank, width]`.
  static func vectors(
    of index: Int, in adapter: Adapter, parameter: String
  ) throws(BindingError) -> [Double] {
    let factor = adapter.factors[index]
    let pool = adapter.pools[factor.pool]
    let block = adapter.blocks[pool.ranges[0].block]
    guard factor.chunkCount == 1, factor.mixCount == 1, factor.mixing == .none,
      factor.indices == .identity, pool.ranges.count == 1,
      let values = block.view.float64Elements()
    else {
      throw .content(adapter: adapter.name, parameter: parameter, reason: "its pools are shared")
    }
    let range = pool.ranges[0]
    let matrix = adapter.blocks[range.block].shape.matrix
    switch range.axis {
    case .rows:
      return Array(values[range.first * matrix.columns..<(range.first + factor.rank) * matrix.columns])
    case .columns:
      return [Double](capacity: factor.rank * factor.width) { output in
        for j in range.first..<range.first + factor.rank {
          for o in 0..<matrix.rows { output.append(values[o * matrix.columns + j]) }
        }
      }
    }
  }
}
