import MopzAdapters
import MopzBytes
import MopzTensors

/// What an adapter's tables say inside blocks, checked before the adapter is written.
///
/// - Specification: §9.5 of `spec/mopz.md`, stage 4.
enum BlockContentRules {
  /// Checks index tables, the base record and stored headers.
  ///
  /// The tables have been validated; only the blocks' elements are looked at here.
  ///
  /// - Throws: ``ContainerError`` FAC-14, BAS-2, BAS-3, LIM-4 or SRC-12.
  static func validate(_ adapter: Adapter) throws(ContainerError) {
    for index in adapter.factors.indices { try validateIndices(ofFactor: index, of: adapter) }
    if let block = adapter.baseRecordBlock {
      let bytes = adapter.blocks[block].bytes
      if let rule = BaseRecordRules.violated(by: bytes.span) {
        throw .violation(rule, .task(adapter.name))
      }
    }
    for (index, file) in adapter.files.enumerated() where file.headerForm == .stored {
      guard let block = file.block else { continue }
      let header = TaskHeader(
        metadata: file.metadata,
        tensors: adapter.sourceTensors[file.tensors].map {
          TensorInfo(name: $0.name, dtype: $0.dtype, shape: $0.shape)
        })
      let bytes = adapter.blocks[block].bytes
      guard header.isEquivalent(to: bytes.span) else {
        throw .violation(
          .storedHeader, .row(task: adapter.name, section: .files, index: index))
      }
    }
  }

  private static func validateIndices(
    ofFactor index: Int, of adapter: Adapter
  ) throws(ContainerError) {
    let factor = adapter.factors[index]
    guard case .explicit(let block) = factor.indices else { return }
    let count = adapter.pools[factor.pool].vectorCount
    let table = adapter.blocks[block]
    let bytes = table.bytes
    for position in 0..<table.shape.elementCount {
      let value = bytes.span.indexValue(at: position, bitCount: table.dtype.bitCount)
      if let value, value >= UInt64(count) {
        throw .violation(
          .indexValues, .row(task: adapter.name, section: .factors, index: index),
          .exceeds(value, limit: UInt64(count)))
      }
    }
  }
}
