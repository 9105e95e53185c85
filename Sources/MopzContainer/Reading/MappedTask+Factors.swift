import MopzAdapters
import MopzBytes
import MopzTensors

extension MappedTask {
  /// A source tensor whose content is a factor: A as rows, B as columns.
  ///
  /// Copied bit by bit where the factor takes vectors of its own type as they are,
  /// else worked out in Float64 and rounded once.
  func assembledTensor(at index: Int) throws(ContainerError) -> Tensor {
    let info = info(at: index)
    let factor = factor(at: Int(reader.sourceTensor(index).content))
    let location = FormatLocation.tensor(task: name, name: info.name)
    let pool = pool(at: factor.pool)
    let blocks = try sparseBlocks(of: factor, pool: pool)
    do throws(FactorError) {
      let routes = try FactorRoutes(factor, vectorCount: pool.vectorCount, blocks: blocks)
      let gather = FactorGather(factor, pool: pool, blocks: blocks, routes: routes)
      if let bytes = gather.bytes(as: info.dtype) {
        return Tensor(dtype: info.dtype, shape: info.shape, bytes: bytes)
      }
      let expansion = try FactorExpansion(factor, pool: pool, blocks: blocks)
      return try expansion.tensor(dtype: info.dtype, shape: info.shape)
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
    switch factor.mixing {
    case .none: break
    case .weights(let block), .complement(let block), .softmaxTop(let block): needed.insert(block)
    }
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

  /// The factor's bytes in the order of a source tensor, or nil if an element is not
  /// stored in this type or is mixed.
  ///
  /// - Complexity: O(rank · width).
  func bytes(as dtype: DType) -> Bytes? {
    guard factor.mixing == .none,
      pool.ranges.allSatisfy({ blocks[$0.block].dtype == dtype })
    else { return nil }
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

extension FactorExpansion {
  /// The factor as a source tensor: A as rows, B as columns, each element rounded once.
  ///
  /// - Throws: ``FactorError`` if elements of the type cannot be written.
  func tensor(dtype: DType, shape: Shape) throws(FactorError) -> Tensor {
    guard ElementConversion.isSupported(from: .f64, to: dtype) else {
      throw .unsupportedType(dtype)
    }
    var ordered = elements
    if side == .up {
      for vector in 0..<rank {
        for position in 0..<width { ordered[position * rank + vector] = self[vector, position] }
      }
    }
    let bytes = Bytes(byteCount: ordered.count * dtype.bitCount / 8) { target in
      ElementConversion.convert(ordered.span.rawBytes, as: .f64, to: &target, as: dtype)
    }
    return Tensor(dtype: dtype, shape: shape, bytes: bytes)
  }
}
