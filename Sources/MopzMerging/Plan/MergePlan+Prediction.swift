import MopzAdapters
import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors

extension MergePlan {
  /// How many tensors change their element type, such as `F32 → BF16`.
  public var typeChanges: [(from: String, to: String, count: Int)] {
    var counts: [ExactName: (from: String, to: String, count: Int)] = [:]
    for info in binding.base.infos {
      let type = options.outputType(of: info.dtype)
      guard type != info.dtype else { continue }
      let key = ExactName("\(info.dtype.code) → \(type.code)")
      counts[key, default: (info.dtype.code, type.code, 0)].count += 1
    }
    return counts.keys.sorted().compactMap { counts[$0] }
  }

  /// The memory that a run takes beside the mapped files, in bytes: a bound that is
  /// worked out from the sizes, not a measurement.
  ///
  /// Tiles of each thread, and the factors of the two largest targets in every form that
  /// they have while they are prepared.
  public var predictedMemoryByteCount: Int {
    var tile = MergePiece.tileByteCount
    var factors: [Int] = []
    for target in binding.targets {
      let (rows, columns) = target.tileMatrix
      let width = options.outputType(of: target.base.info.dtype).bitCount / 8
      let tileRows = min(rows, max(8, MergePiece.tileByteCount / max(columns * width, 1) / 8 * 8))
      let elements = tileRows * columns
      var bytes = elements * width
      // V, W and the value of a tile in Float64 where the kernel alone does not do.
      if target.magnitude != nil { bytes += elements * 8 }
      if !target.dense.isEmpty || target.isReplacedOnly { bytes += elements * 40 }
      tile = max(tile, bytes)
      let rank = target.terms.reduce(0) { sum, bound in
        let adapter = binding.adapters[bound.adapter].adapter
        return sum + adapter.factors[bound.term.down].rank
      }
      factors.append(rank * (rows + columns) * 8 * 4)
    }
    let largest = factors.sorted(by: >).prefix(2).reduce(0, +)
    return (16 << 20) + options.threads.count * tile + largest
  }
}
