import MopzAdapters
import MopzBytes
import MopzTensors

/// The factors of one module of a mixture of shards (MoS): tables over pools.
///
///     row j of A    = concat_c poolA[maskA[j·l + c]]        poolA [N, in/l], by rows
///     column j of B = concat_c poolB[maskB[j·l + c]]        poolB [out/l, N], by columns
///
/// The tables stay the tensors that they are, of 64-bit integers.
struct ShardedPair {
  /// The tensors of one module.
  struct Tensors {
    var down: Int
    var up: Int
    var downShards: Int
    var upShards: Int
    /// What A's rows are multiplied by: `lora_A_vec`, and `lora_A_anti_vec` beside it.
    var gates: [Int]

    /// The tensors of a module that has shards, or nil.
    init?(_ module: PEFTModule) {
      guard let down = module[.down], let up = module[.up],
        let downShards = module[.downShards], let upShards = module[.upShards]
      else { return nil }
      self.down = down
      self.up = up
      self.downShards = downShards
      self.upShards = upShards
      gates = [module[.gates], module[.gateInverses]].compactMap(\.self)
    }
  }

  let tensors: Tensors
  /// The number of assembled pairs of vectors.
  let rank: Int
  /// The shards of a vector.
  let chunkCount: Int
  /// The numbers of the shards of A and of B.
  let masks: (down: [Int], up: [Int])

  /// Checks the tensors of a module.
  ///
  /// - Parameter chunkCount: The shards of a vector, if the configuration says it.
  /// - Throws: ``Refusal`` naming the tensor, what was expected and what was found.
  init(
    _ tensors: Tensors, chunkCount: Int?, in builder: borrowing AdapterBuilder
  ) throws(Refusal) {
    self.tensors = tensors
    for index in [tensors.down, tensors.up] {
      let info = builder.info(index)
      guard LowRankPair.isFactorType(info.dtype) else {
        throw builder.refusal(
          .elementType, tensor: index,
          "has the type \(info.dtype.code), a pool must be floating point")
      }
      guard info.shape.dimensionCount == 2, info.shape.elementCount > 0 else {
        throw builder.refusal(
          .shape, tensor: index, "has shape \(info.shape), a pool of shards has two dimensions")
      }
    }
    let count = builder.info(tensors.down).shape[0]
    guard builder.info(tensors.up).shape[1] == count else {
      throw builder.refusal(
        .shape, tensor: tensors.up,
        "has shape \(builder.info(tensors.up).shape), expected \(count) columns, as many as there "
          + "are shards of A")
    }
    masks.down = try Self.mask(tensors.downShards, shardCount: count, in: builder)
    masks.up = try Self.mask(tensors.upShards, shardCount: count, in: builder)
    guard masks.up.count == masks.down.count else {
      throw builder.refusal(
        .shape, tensor: tensors.upShards,
        "names \(masks.up.count) shards, those of A are \(masks.down.count)")
    }
    (rank, self.chunkCount) = try Self.rank(
      tensors, maskCount: masks.down.count, chunkCount: chunkCount, in: builder)
  }

  /// The numbers of shards, each of which exists.
  private static func mask(
    _ tensor: Int, shardCount: Int, in builder: borrowing AdapterBuilder
  ) throws(Refusal) -> [Int] {
    let info = builder.info(tensor)
    guard info.dtype.isInteger, info.shape.dimensionCount == 1, info.shape.elementCount > 0,
      let elements = builder.tensor(tensor).view.int64Elements()
    else {
      throw builder.refusal(
        .shape, tensor: tensor,
        "is \(info.dtype.code) of shape \(info.shape), expected a list of whole numbers")
    }
    var mask: [Int] = []
    mask.reserveCapacity(elements.count)
    for element in elements {
      guard let shard = Int(exactly: element), (0..<shardCount).contains(shard) else {
        throw builder.refusal(
          .values, tensor: tensor,
          "names the shard \(element); the pool has the shards 0 to \(shardCount - 1)")
      }
      mask.append(shard)
    }
    return mask
  }

  /// The rank, which the gates give, and the shards of a vector, which must agree with it.
  private static func rank(
    _ tensors: Tensors, maskCount: Int, chunkCount: Int?, in builder: borrowing AdapterBuilder
  ) throws(Refusal) -> (rank: Int, chunkCount: Int) {
    for gate in tensors.gates {
      let info = builder.info(gate)
      guard LowRankPair.isFactorType(info.dtype), info.shape.dimensionCount == 1,
        info.shape.elementCount > 0, maskCount % info.shape.elementCount == 0
      else {
        throw builder.refusal(
          .shape, tensor: gate,
          "is \(info.dtype.code) of shape \(info.shape), expected one number for each rank, of "
            + "which \(maskCount) shards are a multiple")
      }
    }
    let ranks = Set(tensors.gates.map { builder.info($0).shape.elementCount })
    let rank = ranks.first ?? chunkCount.map { maskCount / max($0, 1) } ?? 0
    guard ranks.count <= 1, rank > 0, maskCount % rank == 0 else {
      throw builder.refusal(
        .rank, tensor: tensors.downShards,
        "names \(maskCount) shards; how many make up a vector is not said by lora_A_vec nor by the "
          + "configuration's num_chunk_per_vec")
    }
    if let chunkCount, chunkCount * rank != maskCount {
      throw builder.refusal(
        .contradiction, tensor: tensors.downShards,
        "names \(maskCount) shards for rank \(rank), but the configuration says "
          + "\(chunkCount) shards to a vector")
    }
    return (rank, maskCount / rank)
  }

  /// The pair as a term, which uses all its tensors.
  ///
  ///     ΔW[out, in] = scaling · B[out, rank] · diag(gates) · A[rank, in]
  ///
  /// - Parameter publicCount: The shards that come before the private ones of all layers.
  func term(
    scaling: Double, publicCount: Int, in builder: inout AdapterBuilder
  ) throws(Refusal) -> Term {
    let down = try factor(.down, publicCount, in: &builder)
    let up = try factor(.up, publicCount, in: &builder)
    return Term(scaling: scaling, down: down, up: up, core: try core(in: &builder))
  }

  private func factor(
    _ side: Factor.Side, _ publicCount: Int, in builder: inout AdapterBuilder
  ) throws(Refusal) -> Int {
    let isDown = side == .down
    let block = isDown ? tensors.down : tensors.up
    let shape = builder.info(block).shape
    let (count, length) = isDown ? (shape[0], shape[1]) : (shape[1], shape[0])
    let axis: PoolRange.Axis = isDown ? .rows : .columns
    let ranges = [
      PoolRange(block: block, axis: axis, visibility: .shared, first: 0, count: publicCount),
      PoolRange(block: block, axis: axis, first: publicCount, count: count - publicCount),
    ].filter { $0.count > 0 }
    let (width, overflow) = length.multipliedReportingOverflow(by: chunkCount)
    guard !overflow else {
      throw builder.refusal(.shape, tensor: block, "has shards that are too long")
    }
    let indices = isDown ? tensors.downShards : tensors.upShards
    for tensor in [block, indices] { try builder.assign(tensor, .consumed) }
    return builder.add(
      Factor(
        side: side, rank: rank, width: width, chunkCount: chunkCount, pool: 0,
        indices: .explicit(block: indices)),
      over: Pool(shardLength: length, ranges: ranges))
  }

  /// The gates as a core; the identity where their product is 1, as the method has it.
  private func core(in builder: inout AdapterBuilder) throws(Refusal) -> Term.Core {
    var product = [Float](repeating: 1, count: rank)
    var isOne: [Bool] = []
    for gate in tensors.gates {
      let values = builder.tensor(gate).view.float32Elements() ?? []
      guard values.allSatisfy(\.isFinite) else {
        throw builder.refusal(.values, tensor: gate, "holds an infinity or a NaN")
      }
      isOne.append(values.allSatisfy { $0 == 1 })
      for (index, value) in values.enumerated() { product[index] *= value }
    }
    let others = tensors.gates.indices.filter { !isOne[$0] }
    let isIdentity = product.allSatisfy { $0 == 1 }
    let only = others.count == 1 && !isIdentity ? tensors.gates[others[0]] : nil
    for gate in tensors.gates { try builder.assign(gate, gate == only ? .consumed : .scalar) }
    if isIdentity { return .identity }
    if let only { return .diagonal(block: only) }
    let bits = product.map(\.bitPattern)
    let bytes = Bytes(copying: bits.span.rawBytes)
    return .diagonal(block: builder.add(Tensor(dtype: .f32, shape: [rank], bytes: bytes)))
  }
}
