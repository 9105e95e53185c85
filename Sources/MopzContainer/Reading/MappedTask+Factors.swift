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
      let assembly = try FactorAssembly(factor, pool: pool, blocks: blocks)
      return Tensor(dtype: info.dtype, shape: info.shape, bytes: assembly.tensor.bytes)
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
