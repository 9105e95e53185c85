import MopzAdapters
import MopzBytes
import MopzTensors

/// The two factors of one module: A `[rank, in…]` and B `[out, rank, 1…]`.
///
/// A pair that exists has factors of floating point whose shapes agree.
struct LowRankPair {
  /// The source tensor of A.
  let down: Int
  /// The source tensor of B.
  let up: Int
  /// The number of pairs of vectors.
  let rank: Int
  /// The number of outputs, the first dimension of B.
  let outFeatures: Int
  /// Whether A has a kernel, `[rank, in, k…]`.
  let isConvolution: Bool
  /// Whether B spans only some of the ranks, as a convolution in groups has it.
  let isGrouped: Bool

  /// Checks two tensors.
  ///
  /// - Throws: ``Refusal`` naming the tensor, what was expected and what was found.
  init(down: Int, up: Int, in builder: borrowing AdapterBuilder) throws(Refusal) {
    let a = builder.info(down)
    let b = builder.info(up)
    for (index, info) in [(down, a), (up, b)] {
      guard Self.isFactorType(info.dtype) else {
        throw builder.refusal(
          .elementType, tensor: index,
          "has the type \(info.dtype.code), a factor must be floating point")
      }
      guard info.shape.dimensionCount >= 2, info.shape.elementCount > 0 else {
        throw builder.refusal(
          .shape, tensor: index,
          "has shape \(info.shape), a factor has at least two dimensions, none of them 0")
      }
    }
    let kernelDimensions = a.shape.dimensionCount - 2
    guard b.shape.dimensionCount == a.shape.dimensionCount,
      b.shape.dimensions.dropFirst(2).allSatisfy({ $0 == 1 })
    else {
      let ones = String(repeating: ", 1", count: kernelDimensions)
      throw builder.refusal(
        .shape, tensor: up,
        "has shape \(b.shape), expected [out, \(a.shape[0])\(ones)] beside A of shape \(a.shape)")
    }
    let isGrouped =
      kernelDimensions > 0 && b.shape[1] < a.shape[0] && a.shape[0] % b.shape[1] == 0
    guard b.shape[1] == a.shape[0] || isGrouped else {
      throw builder.refusal(
        .shape, tensor: up,
        "has shape \(b.shape) and so rank \(b.shape[1]), but \(a.name.quoted) has shape "
          + "\(a.shape) and so rank \(a.shape[0])")
    }
    self.down = down
    self.up = up
    rank = a.shape[0]
    outFeatures = b.shape[0]
    isConvolution = kernelDimensions > 0
    self.isGrouped = isGrouped
  }

  /// Whether a tensor of this type can be a factor.
  static func isFactorType(_ dtype: DType) -> Bool {
    switch dtype {
    case .f64, .f32, .f16, .bf16, .f8e4m3, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz: true
    default: false
    }
  }

  /// The pair as a term, which consumes both tensors.
  ///
  ///     ΔW[out, in] = scaling · B[out, rank] · A[rank, in]
  func term(
    scaling: Double, in builder: inout AdapterBuilder
  ) throws(Refusal) -> Term {
    let a = try builder.factor(.down, tensor: down)
    let b = try builder.factor(.up, tensor: up)
    return Term(scaling: scaling, down: a, up: b)
  }

  /// Checks that a magnitude has one number per output.
  func checkMagnitude(_ tensor: Int, in builder: borrowing AdapterBuilder) throws(Refusal) {
    let info = builder.info(tensor)
    let isVector = info.shape.dimensions.filter { $0 != 1 }.count <= 1
    guard Self.isFactorType(info.dtype), isVector, info.shape.elementCount == outFeatures else {
      throw builder.refusal(
        .shape, tensor: tensor,
        "is \(info.dtype.code) of shape \(info.shape), a magnitude has one number for each of the "
          + "\(outFeatures) outputs")
    }
  }
}
