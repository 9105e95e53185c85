import MopzAdapters
import MopzBytes
import MopzTensors

extension RecordValidation {
  /// SRC-7, LIM-4, SRC-8 and LIM-5.
  func validateSourceTensors() throws(ContainerError) {
    for index in 0..<record.count(.sourceTensors) {
      let tensor = record.sourceTensor(index)
      let isBlock = tensor.contentKind == SourceTensorRow.blockContent
      guard isBlock || tensor.contentKind == SourceTensorRow.factorContent,
        SourceTensor.Disposition(rawValue: tensor.disposition) != nil,
        tensor.content < record.count(isBlock ? .blocks : .factors)
      else { throw error(.tensorContent, .sourceTensors, index) }
      try validateDimensions(
        first: tensor.firstDimension, count: tensor.dimensionCount, .sourceTensors, index)
      if isBlock {
        try validateShape(tensor, against: record.block(Int(tensor.content)), at: index)
      } else {
        try validateShape(tensor, against: record.factor(Int(tensor.content)), at: index)
      }
    }
  }

  private func validateShape(
    _ tensor: SourceTensorRow, against block: BlockRow, at index: Int
  ) throws(ContainerError) {
    guard tensor.dtype == block.dtype, tensor.dimensionCount == block.dimensionCount else {
      throw error(.tensorShape, .sourceTensors, index)
    }
    guard tensor.firstDimension != block.firstDimension else { return }
    for position in 0..<Int(tensor.dimensionCount) {
      let found = record.dimension(Int(tensor.firstDimension) + position)
      let expected = record.dimension(Int(block.firstDimension) + position)
      guard found == expected else {
        throw error(
          .tensorShape, .sourceTensors, index, .mismatch(expected: expected, found: found))
      }
    }
  }

  private func validateShape(
    _ tensor: SourceTensorRow, against factor: FactorRow, at index: Int
  ) throws(ContainerError) {
    guard let dtype = DType(rawValue: tensor.dtype) else {
      throw error(.tensorShape, .sourceTensors, index)
    }
    guard
      let elements = elementCount(first: tensor.firstDimension, count: tensor.dimensionCount),
      let bytes = Self.byteCount(elements, of: dtype)?.bytes, bytes <= Limits.blockByteCount
    else { throw error(.blockLimit, .sourceTensors, index) }
    let (expected, overflow) = UInt64(factor.rank).multipliedReportingOverflow(by: factor.width)
    let isDown = factor.side == Factor.Side.down.rawValue
    guard factor.mixingKind == FactorRow.MixingKind.none.rawValue,
      poolHolds(tensor.dtype, pool: record.pool(Int(factor.pool))),
      tensor.dimensionCount >= 1, !overflow, elements == expected,
      record.dimension(Int(tensor.firstDimension)) == (isDown ? UInt64(factor.rank) : factor.width)
    else { throw error(.tensorShape, .sourceTensors, index) }
  }

  /// Whether all blocks of a pool have a type.
  private func poolHolds(_ dtype: UInt8, pool: PoolRow) -> Bool {
    for position in TableRun(first: pool.firstRange, count: pool.rangeCount).range {
      guard record.block(Int(record.poolRange(position).block)).dtype == dtype else { return false }
    }
    return true
  }

  /// SRC-9 and SRC-10.
  func validateNameOrder() throws(ContainerError) {
    let count = record.count(.sourceTensors)
    guard record.count(.nameOrder) == count else {
      throw .violation(
        .nameOrder, .task(task),
        .mismatch(expected: UInt64(count), found: UInt64(record.count(.nameOrder))))
    }
    var equalNames: [Int] = []
    for rank in 0..<count {
      let index = record.nameOrder(rank)
      guard index < count else { throw error(.nameOrder, .nameOrder, rank) }
      let name = record.utf8(record.sourceTensor(index).name)
      guard !name.isMetadataKey else { throw error(.tensorNames, .sourceTensors, index) }
      guard rank > 0 else { continue }
      let previous = record.nameOrder(rank - 1)
      let order = record.utf8(record.sourceTensor(previous).name).order(name)
      guard order < 0 || order == 0 && previous < index else {
        throw error(.nameOrder, .nameOrder, rank)
      }
      if order == 0 { equalNames.append(rank) }
    }
    if !equalNames.isEmpty { try requireDifferentFiles(equalNames) }
  }

  /// SRC-10: tensors of one name, which lie side by side in the name order.
  private func requireDifferentFiles(_ ranks: [Int]) throws(ContainerError) {
    var fileOfTensor: [UInt32] = []
    fileOfTensor.reserveCapacity(record.count(.sourceTensors))
    for index in 0..<record.count(.files) {
      for _ in 0..<record.file(index).tensorCount { fileOfTensor.append(UInt32(index)) }
    }
    for rank in ranks {
      let index = record.nameOrder(rank)
      guard fileOfTensor[index] != fileOfTensor[record.nameOrder(rank - 1)] else {
        throw error(.tensorNames, .sourceTensors, index)
      }
    }
  }
}

extension RawSpan {
  /// Whether the bytes are `__metadata__`.
  fileprivate var isMetadataKey: Bool {
    byteCount == 12 && text == "__metadata__"
  }
}
