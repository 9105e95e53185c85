import MopzAdapters
import MopzBytes
import MopzTensors

extension Adapter {
  /// The adapter without stored headers that say, byte for byte, what the standard header says.
  ///
  /// A valid container may hold such a header, a canonical one may not.
  ///
  /// - Complexity: O(length of the stored headers).
  /// - Specification: §11 of `spec/mopz.md`, CAN-9.
  func withoutNeedlessHeaders() -> Adapter {
    var adapter = self
    for (index, file) in files.enumerated() where file.headerForm == .stored {
      guard let block = file.block, blocks.indices.contains(block),
        file.tensors.lowerBound >= 0, file.tensors.upperBound <= sourceTensors.count
      else { continue }  // What is wrong is found when the record is checked.
      let standard = TaskHeader(
        metadata: file.metadata,
        tensors: sourceTensors[file.tensors].map {
          TensorInfo(name: $0.name, dtype: $0.dtype, shape: $0.shape)
        }
      ).bytes
      let stored = blocks[block].bytes
      guard stored.span.hasSameBytes(as: standard.span.rawBytes) else { continue }
      adapter.files[index].headerForm = .standard
      adapter.files[index].block = nil
    }
    return adapter
  }
}
