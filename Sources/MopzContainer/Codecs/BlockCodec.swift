import MopzTensors

/// How a block's bytes lie in the file.
///
/// The raw values are the format's codes.
///
/// - Specification: §6.2 of `spec/mopz.md`.
public enum BlockCodec: UInt8, Hashable, Sendable, CaseIterable {
  /// The elements as they are; can be mapped.
  case raw = 0
  /// The elements' bytes grouped by significance, each plane compressed or not.
  case planes = 1
  /// Eight-bit integers with a scale per row.
  case rowsInt8 = 2

  /// Whether the codec may store a type as another (COD-2, the types alone).
  func permits(_ dtype: DType, storedAs stored: DType) -> Bool {
    switch self {
    case .raw: dtype == stored || Self.isNarrower(stored, than: dtype)
    case .planes:
      dtype == stored && dtype.bitCount >= 8 || Self.isNarrower(stored, than: dtype)
    case .rowsInt8: stored == .i8 && (dtype == .f32 || dtype == .f16 || dtype == .bf16)
    }
  }

  /// The features that a reader must know for a block (COD-3).
  func features(_ dtype: DType, storedAs stored: DType) -> RequiredFeatures {
    switch self {
    case .raw: dtype == stored ? [] : .narrowed
    case .planes: dtype == stored ? .planes : [.planes, .narrowed]
    case .rowsInt8: .rowsInt8
    }
  }

  /// Whether a type widens to another (§6.4).
  static func isNarrower(_ stored: DType, than dtype: DType) -> Bool {
    switch (dtype, stored) {
    case (.f32, .bf16), (.f32, .f16), (.f64, .f32): true
    default: false
    }
  }
}
