import MopzAdapters
import MopzBinding
import MopzLinearAlgebra
import MopzTensors

/// A term of ΔW with its factors written out: `ΔW = s · B̂ · C · Â`.
///
/// The vectors `u_in` and `u_out` are multiplied into Â and B̂. The core stays apart, so that
/// activations go through the factors one by one.
struct ExpandedTerm: Sendable {
  /// The term's scaling times the user's.
  let scaling: Double
  /// Â, `[downRank, in]`.
  private(set) var down: [Double]
  let downRank: Int
  let inFeatures: Int
  /// Where the rows of Â come from; nil if they have no one place.
  let downShards: InputShards?
  /// B̂ᵀ, `[upRank, out]`.
  private(set) var up: [Double]
  let upRank: Int
  let outFeatures: Int
  /// Where the columns of B̂ come from; nil if they have no one place.
  let upShards: InputShards?
  /// C, `[upRank, downRank]`; nil for the identity.
  let core: [Double]?

  init(_ bound: BoundTerm, of adapter: Adapter, target: String) throws(ForwardError) {
    let term = bound.term
    func numbers(_ block: Int, _ count: Int) throws(ForwardError) -> [Double] {
      let tensor = adapter.blocks[block]
      guard let values = tensor.view.float64Elements(), values.count == count else {
        throw .update(target: target, reason: "a block must hold \(count) numbers")
      }
      return values
    }
    let a: FactorExpansion
    let b: FactorExpansion
    do throws(FactorError) {
      a = try adapter.expansion(ofFactor: term.down)
      b = try adapter.expansion(ofFactor: term.up)
    } catch { throw .update(target: target, reason: error.description) }
    (down, downRank, inFeatures) = (a.elements, a.rank, a.width)
    (up, upRank, outFeatures) = (b.elements, b.rank, b.width)
    downShards =
      term.inScaleBlock == nil ? InputShards(ofFactor: term.down, in: adapter) : nil
    upShards = term.outScaleBlock == nil ? InputShards(ofFactor: term.up, in: adapter) : nil
    scaling = term.scaling * bound.scale
    switch term.core {
    case .identity: core = nil
    case .diagonal(let block):
      let gates = try numbers(block, upRank)
      var dense = [Double](repeating: 0, count: upRank * downRank)
      for j in 0..<min(upRank, downRank) { dense[j * downRank + j] = gates[j] }
      core = dense
    case .dense(let block): core = try numbers(block, upRank * downRank)
    }
    guard core != nil || upRank == downRank else {
      throw .update(target: target, reason: "A has rank \(downRank) but B has rank \(upRank)")
    }
    if let block = term.inScaleBlock {
      let scale = try numbers(block, inFeatures)
      for i in down.indices { down[i] *= scale[i % inFeatures] }
    }
    if let block = term.outScaleBlock {
      let scale = try numbers(block, outFeatures)
      for i in up.indices { up[i] *= scale[i % outFeatures] }
    }
  }

  /// `s · (B̂ · C)ᵀ`, `[downRank, out]`.
  var scaledUp: [Double] {
    guard let core else { return up.map { $0 * scaling } }
    var product = [Double](repeating: 0, count: downRank * outFeatures)
    var result = product.mutableSpan
    MatrixProduct.multiply(
      MatrixView(core.span, rows: upRank, columns: downRank).transposed,
      MatrixView(up.span, rows: upRank, columns: outFeatures), into: &result, alpha: scaling)
    return product
  }
}

/// The low-rank part of a target in the base matrix's own orientation: `left · right`.
struct LowRankProduct: Sendable {
  private(set) var rank = 0
  /// `[rank, rows]`.
  private(set) var left: [Double] = []
  /// `[rank, columns]`.
  private(set) var right: [Double] = []

  init(_ terms: [ExpandedTerm], orientation: WeightOrientation) {
    for term in terms {
      rank += term.downRank
      switch orientation {
      case .outputRows:
        left += term.scaledUp
        right += term.down
      case .outputColumns:
        left += term.down
        right += term.scaledUp
      }
    }
  }
}
