import MopzAdapters
import MopzBytes
import MopzTensors

extension MappedTask {
  /// A source tensor whose content is a factor: A as rows, B as columns.
  ///
  /// Every element is copied bit by bit: the pool's blocks have the tensor's type, and
  /// nothing is mixed (SRC-8).
  func assembledTensor(at index: Int) throws(ContainerError) -> Tensor {
    let info = info(at: index)
    let factor = factor(at: Int(reader.sourceTensor(index).content))
    let location = FormatLocation.tensor(task: name, name: info.name)
    let pool = pool(at: factor.pool)
    let blocks = try sparseBlocks(of: factor, pool: pool)
    do throws(FactorError) {
      let routes = try FactorRoutes(factor, vectorCount: pool.vectorCount, blocks: blocks)
      let gather = FactorGather(factor, pool: pool, blocks: blocks, routes: routes)
      return Tensor(
        dtype: info.dtype, shape: info.shape, bytes: gather.bytes(as: info.dtype))
    } catch {
      if case .indexOutsidePool(let value, let count) = error {  // FAC-14
        throw .violation(.indexValues, location, .exceeds(value, limit: UInt64(count)))
      }
      throw .factor(error, location)
    }
  }

  /// The blocks that a factor needs, each at its own index; the others are empty.
  private func sparseBlocks(of factor: Factor, pool: Pool) throws(ContainerError) -> [Tensor] {
    var needed = Set(pool.ranges.map(\.block))
    if case .explicit(let block) = factor.indices { needed.insert(block) }
    let absent = Tensor(dtype: .u8, shape: [0], bytes: .empty)
    var blocks = [Tensor](repeating: absent, count: blockCount)
    for block in needed { blocks[block] = try tensor(ofBlock: block) }
    return blocks
  }
}

/// A factor whose vectors are copied as they are.
struct FactorGather {
  private let factor: Factor
  private let pool: Pool
  private let blocks: [Tensor]
  private let routes: FactorRoutes

  init(_ factor: Factor, pool: Pool, blocks: [Tensor], routes: FactorRoutes) {
    self.factor = factor
    self.pool = pool
    self.blocks = blocks
    self.routes = routes
  }

  /// The factor's bytes in the order of a source tensor.
  ///
  /// - Precondition: The pool's blocks are of this type, and nothing is mixed.
  /// - Complexity: O(rank · width).
  func bytes(as dtype: DType) -> Bytes {
    let width = dtype.bitCount / 8
    return Bytes(byteCount: factor.rank * factor.width * width) { target in
      for vector in 0..<factor.rank {
        for chunk in 0..<factor.chunkCount {
          guard let route = routes.routes(vector: vector, chunk: chunk).first else { continue }
          copy(route.vector, to: &target, vector: vector, chunk: chunk, width)
        }
      }
    }
  }

  private func copy(
    _ number: Int, to target: inout MutableRawSpan, vector: Int, chunk: Int, _ width: Int
  ) {
    guard let (range, position) = pool.place(ofVector: number) else { return }
    let block = blocks[range.block]
    let bytes = block.bytes.span
    let columns = block.shape.matrix.columns
    let start = chunk * pool.shardLength
    let length = min(pool.shardLength, factor.width - start)
    if range.axis == .rows, factor.side == .down {
      let source = bytes.extracting(
        (position * columns * width)..<((position * columns + length) * width))
      return target.copy(from: source, at: (vector * factor.width + start) * width)
    }
    for offset in 0..<length {
      let element = range.axis == .rows ? position * columns + offset : offset * columns + position
      let place =
        factor.side == .down
        ? vector * factor.width + start + offset : (start + offset) * factor.rank + vector
      for byte in 0..<width { target.put(bytes.u8(element * width + byte), place * width + byte) }
    }
  }
}
