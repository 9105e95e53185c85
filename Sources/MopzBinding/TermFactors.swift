import MopzAdapters
import MopzTensors

/// A term as plain vectors: `ΔW = multiplier · Σ_j up[j] · down[j]ᵀ`.
struct TermFactors {
  /// The number of vectors on each side.
  let rank: Int
  /// Shape `[rank, in]`.
  private(set) var down: [Double]
  /// Shape `[rank, out]`.
  private(set) var up: [Double]
  /// The term's scaling times the user's.
  let multiplier: Double

  init(_ bound: BoundTerm, of adapter: Adapter, parameter: String) throws(BindingError) {
    let term = bound.term
    func numbers(_ block: Int, count: Int, _ noun: String) throws(BindingError) -> [Double] {
      let tensor = adapter.blocks[block]
      guard tensor.shape.elementCount == count, let values = tensor.view.float64Elements() else {
        throw .content(
          adapter: adapter.name, parameter: parameter,
          reason: "its \(noun) of shape \(tensor.shape) must hold \(count) numbers")
      }
      return values
    }
    do throws(FactorError) {
      down = try adapter.expansion(ofFactor: term.down).elements
      up = try adapter.expansion(ofFactor: term.up).elements
    } catch {
      throw .content(adapter: adapter.name, parameter: parameter, reason: error.description)
    }
    let (outCount, inCount) = (adapter.factors[term.up].width, adapter.factors[term.down].width)
    let (upRank, downRank) = (adapter.factors[term.up].rank, adapter.factors[term.down].rank)
    switch term.core {
    case .identity:
      guard upRank == downRank else {
        throw .content(
          adapter: adapter.name, parameter: parameter,
          reason: "A has rank \(downRank) but B has rank \(upRank)")
      }
      rank = upRank
    case .diagonal(let block):
      guard upRank == downRank else {
        throw .content(
          adapter: adapter.name, parameter: parameter,
          reason: "A has rank \(downRank) but B has rank \(upRank)")
      }
      rank = upRank
      let gates = try numbers(block, count: rank, "gates")
      for j in 0..<rank { for o in 0..<outCount { up[j * outCount + o] *= gates[j] } }
    case .dense(let block):
      // B·C has the rank of A, C·A that of B; the smaller one is kept.
      let core = try numbers(block, count: upRank * downRank, "core")
      if downRank <= upRank {
        rank = downRank
        up = Self.mixed(up, width: outCount, count: downRank) { j, k in core[k * downRank + j] }
      } else {
        rank = upRank
        down = Self.mixed(down, width: inCount, count: upRank) { j, k in core[j * downRank + k] }
      }
    }
    multiplier = term.scaling * bound.scale
    if let block = term.outScaleBlock {
      let outScale = try numbers(block, count: outCount, "scale per output")
      for j in 0..<rank { for o in 0..<outCount { up[j * outCount + o] *= outScale[o] } }
    }
    if let block = term.inScaleBlock {
      let inScale = try numbers(block, count: inCount, "scale per input")
      for j in 0..<rank { for i in 0..<inCount { down[j * inCount + i] *= inScale[i] } }
    }
  }

  /// `result[j] = Σ_k weight(j, k) · vectors[k]`.
  private static func mixed(
    _ vectors: [Double], width: Int, count: Int, weight: (Int, Int) -> Double
  ) -> [Double] {
    var result = [Double](repeating: 0, count: count * width)
    for j in 0..<count {
      for k in 0..<vectors.count / max(width, 1) {
        let w = weight(j, k)
        for i in 0..<width { result[j * width + i] += w * vectors[k * width + i] }
      }
    }
    return result
  }
}
