import MopzLinearAlgebra

/// The two public pools of a group, and how factors are cut from their vectors.
///
/// A factor over a pool whose vectors are cut into c pieces has c times as many vectors as the
/// pool: vector `n` stands at place `p` and is zero elsewhere. In this *effective* basis
/// sharded pools are like all others.
struct PublicPool: Sendable {
  /// Vectors of the pool of B, `[count, out / upChunks]`, or in coordinates of a span.
  var up: Matrix
  /// Vectors of the pool of A, `[count, in / downChunks]`, or in coordinates of a span.
  var down: Matrix
  /// The elements of a vector of each pool as it will be stored.
  var upLength: Int
  var downLength: Int
  /// Into how many pieces B's vectors are cut.
  let upChunks: Int
  /// Into how many pieces A's vectors are cut.
  let downChunks: Int
  /// Whether cores are diagonal.
  let isDiagonal: Bool
  /// The stored type of each vector, not ascending in precision.
  var upTypes: [StoredType] = []
  var downTypes: [StoredType] = []
  /// The blocks that hold these very values, if some container has them already.
  ///
  /// Such a pool costs nothing, and is as it is. Nil for a pool that is to be stored.
  var blocks: PoolBlocks?

  /// A pool of vectors in elements.
  init(up: Matrix, down: Matrix, upChunks: Int = 1, downChunks: Int = 1, isDiagonal: Bool = false) {
    (self.up, self.down) = (up, down)
    (upLength, downLength) = (up.columns, down.columns)
    (self.upChunks, self.downChunks, self.isDiagonal) = (upChunks, downChunks, isDiagonal)
  }

  /// A pool in the coordinates of a span.
  init(up: Matrix, down: Matrix, of span: UnitSpan, isDiagonal: Bool = false) {
    self.init(
      up: up, down: down, upChunks: span.up.chunks, downChunks: span.down.chunks,
      isDiagonal: isDiagonal)
    (upLength, downLength) = (span.up.length, span.down.length)
  }

  /// The effective basis of B, `[upCount, out]`.
  var effectiveUp: Matrix { Self.effective(up, chunks: upChunks) }
  /// The effective basis of A, `[downCount, in]`.
  var effectiveDown: Matrix { Self.effective(down, chunks: downChunks) }
  /// The size of the effective basis of B.
  var upCount: Int { up.rows * upChunks }
  /// The size of the effective basis of A.
  var downCount: Int { down.rows * downChunks }

  /// The bytes of the vectors of both pools, where they are to be stored.
  var byteCount: Int {
    guard blocks == nil else { return 0 }
    return upTypes.reduce(0) { $0 + $1.byteCount(length: upLength) }
      + downTypes.reduce(0) { $0 + $1.byteCount(length: downLength) }
  }

  /// The blocks that the vectors lie in: vectors of one type stand together.
  private var blockCount: Int {
    if let blocks { return blocks.up.tensors.count + blocks.down.tensors.count }
    return Set(upTypes).count + Set(downTypes).count
  }

  /// The bytes around the blocks in the file, where they are to be stored.
  var blockByteCount: Int { blocks == nil ? blockCount * RecordCosts.block : 0 }

  /// The bytes that the blocks take in the record of every task that uses the pools.
  var listByteCount: Int { blockCount * RecordCosts.blockRow }

  /// The pools with the values that will be read again.
  func rounded() -> PublicPool {
    guard blocks == nil else { return self }
    var result = self
    result.up = Self.rounded(up, upTypes)
    result.down = Self.rounded(down, downTypes)
    return result
  }

  private static func rounded(_ vectors: Matrix, _ types: [StoredType]) -> Matrix {
    var elements: [Double] = []
    elements.reserveCapacity(vectors.elements.count)
    for (row, type) in types.enumerated() {
      elements += type.rounded(
        vectors.elements[row * vectors.columns..<(row + 1) * vectors.columns])
    }
    return Matrix(elements, rows: types.count, columns: vectors.columns)
  }

  private static func effective(_ vectors: Matrix, chunks: Int) -> Matrix {
    guard chunks > 1 else { return vectors }
    var result = Matrix(zeros: vectors.rows * chunks, vectors.columns * chunks)
    for chunk in 0..<chunks {
      for row in 0..<vectors.rows {
        for column in 0..<vectors.columns {
          result[chunk * vectors.rows + row, chunk * vectors.columns + column] =
            vectors[row, column]
        }
      }
    }
    return result
  }
}
