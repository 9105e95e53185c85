public import SystemPackage

/// That a container's blocks are to be compressed, and what that may use.
///
/// - Specification: §6.7 of `spec/mopz.md`.
public struct Compression: Sendable {
  /// Where compressed blocks wait for their place in the file once they are more than
  /// ``memoryByteCount``, in files that vanish with the plan.
  public var scratch: FilePath
  /// The bytes of compressed blocks that are kept in memory.
  public var memoryByteCount: Int

  /// Compression with a directory for what memory is not to hold; by default 256 MiB of
  /// compressed blocks stay in memory.
  public init(scratch: FilePath, memoryByteCount: Int = 256 << 20) {
    self.scratch = scratch
    self.memoryByteCount = memoryByteCount
  }
}
