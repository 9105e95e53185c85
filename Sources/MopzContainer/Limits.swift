/// The limits of the format, each inclusive.
///
/// - Specification: §10.2 of `spec/mopz.md`.
public enum Limits {
  /// Tasks in one container (LIM-1).
  public static let taskCount = 1 << 20
  /// Bytes of one task's record (LIM-2).
  public static let recordByteCount = 1 << 30
  /// Source tensors of one task (LIM-3).
  public static let sourceTensorCount = 1 << 24
  /// Dimensions of a tensor (LIM-4).
  public static let dimensionCount = 8
  /// Logical bytes of a block or a source tensor (LIM-5).
  public static let blockByteCount = 1 << 40
  /// Vectors of a pool (LIM-6).
  public static let poolVectorCount = 0xFFFF_FFFE
  /// Vectors of a factor (LIM-7).
  public static let rank = 1 << 16
  /// Chunks of a vector (LIM-7).
  public static let chunkCount = 1 << 16
  /// Pool vectors mixed into one chunk (LIM-7).
  public static let mixCount = 1 << 8
  /// Elements of a factor (LIM-8).
  public static let factorElementCount = 1 << 30
  /// Logical bytes of a planes block for each of its stored bytes (COD-8).
  public static let planesExpansion = 1 << 10
  /// Bytes of the window of a compressed plane (COD-6).
  public static let planeWindowByteCount = 8 << 20
  /// Bytes of a task's or a file's name (DIR-8, SRC-1).
  public static let nameByteCount = 255
  /// Bytes of a kind's tag (REC-6).
  public static let kindByteCount = 63
}
