import MopzAdapters
import MopzBytes
import MopzLinearAlgebra
import MopzTensors

/// Vectors of one length as blocks, one for each stored type.
struct VectorBlocks: Sendable {
  /// The blocks in the order of the pool.
  let tensors: [Tensor]
  /// The number of vectors in each.
  let counts: [Int]

  /// Blocks of vectors whose equal types stand together.
  init(_ vectors: Matrix, types: [StoredType]) {
    var (tensors, counts, first): ([Tensor], [Int], Int) = ([], [], 0)
    while first < types.count {
      let end = types[first...].firstIndex { $0 != types[first] } ?? types.count
      let elements = vectors.elements[(first * vectors.columns)..<(end * vectors.columns)]
      tensors.append(
        Tensor(
          rounded: Array(elements), shape: [end - first, vectors.columns],
          dtype: types[first].dtype))
      counts.append(end - first)
      first = end
    }
    self.tensors = tensors
    self.counts = counts
  }

  /// Blocks that are there, each `[vectors, length]`.
  init(_ tensors: [Tensor]) {
    self.tensors = tensors
    counts = tensors.map { $0.shape[0] }
  }
}

/// The blocks of both pools of a group.
struct PoolBlocks: Sendable {
  let up: VectorBlocks
  let down: VectorBlocks

  init(up: VectorBlocks, down: VectorBlocks) {
    self.up = up
    self.down = down
  }

  init(_ pool: PublicPool) {
    if let stored = pool.blocks {
      self = stored
      return
    }
    up = VectorBlocks(pool.up, types: pool.upTypes)
    down = VectorBlocks(pool.down, types: pool.downTypes)
  }
}

extension Tensor {
  /// A tensor of values that its type holds exactly.
  init(rounded values: [Double], shape: Shape, dtype: DType) {
    let bytes = Bytes(byteCount: values.count * dtype.bitCount / 8) { target in
      ElementConversion.convert(values.span.rawBytes, as: .f64, to: &target, as: dtype)
    }
    self.init(dtype: dtype, shape: shape, bytes: bytes)
  }

  /// An index table in the smallest type that holds it; nil is the zero shard.
  init(indices: [Int?], vectorCount: Int) {
    let width = RecordCosts.indexByteCount(vectorCount: vectorCount)
    let dtype: DType = width == 1 ? .u8 : width == 2 ? .u16 : .u32
    var bytes: [UInt8] = []
    for index in indices {
      let value = index.map { UInt32(truncatingIfNeeded: $0) } ?? .max
      for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }
    self.init(dtype: dtype, shape: [indices.count], bytes: Bytes(bytes))
  }
}
