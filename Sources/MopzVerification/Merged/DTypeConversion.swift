import MopzSafetensors
import MopzTensors

/// Which element type a merge gave the weights.
struct DTypeConversion: Hashable, Sendable {
  /// The type of every f32, f16 and bf16 tensor; nil if all keep theirs.
  let target: DType?

  /// The types that a merge converts.
  static func isConvertible(_ dtype: DType) -> Bool {
    dtype == .f32 || dtype == .f16 || dtype == .bf16
  }

  /// The type that a tensor must have in the merged checkpoint.
  func type(of dtype: DType) -> DType {
    Self.isConvertible(dtype) ? target ?? dtype : dtype
  }
}

extension DTypeConversion {
  /// Recognises the conversion by the types of the tensors that both checkpoints have.
  ///
  /// If some types differ and the merged ones are all the same, that is the target;
  /// otherwise the types had to be kept, and those that differ are wrong.
  init(from base: Checkpoint, to merged: Checkpoint) {
    var found: Set<DType> = []
    var isKept = true
    for info in base.infos where Self.isConvertible(info.dtype) {
      guard let other = merged.info(of: info.name) else { continue }
      found.insert(other.dtype)
      if other.dtype != info.dtype { isKept = false }
    }
    let only = found.count == 1 ? found.first : nil
    target = isKept ? nil : only.flatMap { Self.isConvertible($0) ? $0 : nil }
  }
}
