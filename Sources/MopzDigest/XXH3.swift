import CXXHash

/// The hash functions XXH3-64 and XXH3-128 with seed 0 and the standard secret.
///
/// Fast, not cryptographic. Use ``XXH3Stream`` where the bytes do not lie together.
public enum XXH3 {
  /// The 128-bit hash of all bytes.
  ///
  /// - Complexity: O(n), at the speed of memory. The corresponding C function is
  ///   `XXH3_128bits`.
  public static func hash128(_ span: RawSpan) -> Digest128 {
    // SAFETY: the buffer is valid for its count during the call.
    let hash = unsafe span.withUnsafeBytes { unsafe XXH3_128bits($0.baseAddress, $0.count) }
    return Digest128(low: hash.low64, high: hash.high64)
  }

  /// The 64-bit hash of all bytes.
  ///
  /// - Complexity: O(n). The corresponding C function is `XXH3_64bits`.
  public static func hash64(_ span: RawSpan) -> UInt64 {
    // SAFETY: the buffer is valid for its count during the call.
    unsafe span.withUnsafeBytes { unsafe XXH3_64bits($0.baseAddress, $0.count) }
  }
}

/// XXH3-128 of bytes that come in pieces.
///
/// The cuts between the pieces do not matter.
@safe
public struct XXH3Stream: ~Copyable {
  private let state: OpaquePointer

  /// Begins with no bytes.
  ///
  /// The corresponding C function is `XXH3_createState`.
  public init() {
    // SAFETY: the state is owned by this value alone, and freed by `deinit`.
    guard let state = unsafe XXH3_createState() else { preconditionFailure("out of memory") }
    unsafe self.state = state
    unsafe _ = XXH3_128bits_reset(state)
  }

  deinit { unsafe _ = XXH3_freeState(state) }

  /// Adds bytes.
  ///
  /// The corresponding C function is `XXH3_128bits_update`.
  ///
  /// - Complexity: O(n).
  public mutating func update(_ span: RawSpan) {
    // SAFETY: the buffer is valid for its count during the call.
    unsafe span.withUnsafeBytes {
      unsafe _ = XXH3_128bits_update(state, $0.baseAddress, $0.count)
    }
  }

  /// The hash of all bytes so far; more may follow.
  ///
  /// The corresponding C function is `XXH3_128bits_digest`.
  public func finish() -> Digest128 {
    // SAFETY: the state was initialised, and is only read.
    let hash = unsafe XXH3_128bits_digest(state)
    return Digest128(low: hash.low64, high: hash.high64)
  }
}
