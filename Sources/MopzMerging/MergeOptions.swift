public import MopzBytes
public import MopzTensors

/// How a merge is to be done.
public struct MergeOptions: Hashable, Sendable {
  /// The element type that every f32, f16 and bf16 tensor is converted to; nil keeps them.
  public var dtype: DType?
  /// Whether a merge that loses much of the update is written all the same.
  public var allowsLoss: Bool
  /// Whether what stands at the output may be replaced.
  public var force: Bool
  /// The threads that work; the output does not depend on their number.
  public var threads: WorkerThreads

  /// Makes options.
  ///
  /// - Precondition: `dtype` is nil, f32, f16 or bf16.
  public init(
    dtype: DType? = nil, allowsLoss: Bool = false, force: Bool = false,
    threads: WorkerThreads = .all
  ) {
    precondition(dtype == nil || dtype == .f32 || dtype == .f16 || dtype == .bf16)
    self.dtype = dtype
    self.allowsLoss = allowsLoss
    self.force = force
    self.threads = threads
  }

  /// The type in which a tensor of the base, or one that an adapter adds, is written.
  func outputType(of dtype: DType) -> DType {
    switch dtype {
    case .f32, .f16, .bf16: self.dtype ?? dtype
    default: dtype
    }
  }
}
