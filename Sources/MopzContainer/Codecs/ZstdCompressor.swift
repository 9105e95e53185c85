import CZstd
import MopzBytes

/// Compresses one plane after another, each to one Zstandard frame.
///
/// - Specification: §6.5 of `spec/mopz.md`.
@safe
final class ZstdCompressor {
  /// What a frame is made for.
  enum Effort: Hashable, CaseIterable {
    /// Level 1: repetitions, then an entropy code.
    case repetitions
    /// Level 1 with hardly a repetition looked for: the entropy code alone, which is better
    /// where bytes that follow one another have nothing in common.
    case entropy
    /// Level 1 in blocks of 1 KiB, so that constant bytes do not expand too far (COD-8).
    case smallBlocks
  }

  private let context: OpaquePointer

  /// The corresponding C function is `ZSTD_createCCtx`.
  init() {
    // SAFETY: the context is owned by this object alone, and freed by `deinit`.
    guard let context = unsafe ZSTD_createCCtx() else { preconditionFailure("out of memory") }
    unsafe self.context = context
  }

  deinit { unsafe _ = ZSTD_freeCCtx(context) }

  /// A frame that states its content size, or nil if it is not shorter than `limit`.
  ///
  /// The same plane gives the same frame. The corresponding C function is
  /// `ZSTD_compress2`.
  func frame(of plane: RawSpan, _ effort: Effort, shorterThan limit: Int) -> Bytes? {
    guard limit > 1 else { return nil }
    // SAFETY: the context is valid as long as this object.
    unsafe _ = ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)
    set(ZSTD_c_compressionLevel, 1)
    switch effort {
    case .repetitions: break
    case .entropy:
      set(ZSTD_c_strategy, Int32(bitPattern: ZSTD_fast.rawValue))
      set(ZSTD_c_minMatch, 7)
      set(ZSTD_c_hashLog, 6)
    case .smallBlocks: set(ZSTD_c_windowLog, 10)
    }
    var length: Int?
    let target = Bytes(byteCount: limit - 1) { target in
      length = compress(plane, into: &target)
    }
    return length.map { Bytes(copying: target.span.extracting(0..<$0)) }
  }

  private func set(_ parameter: ZSTD_cParameter, _ value: Int32) {
    // SAFETY: the context is valid as long as this object.
    let result = unsafe ZSTD_CCtx_setParameter(context, parameter, value)
    precondition(ZSTD_isError(result) == 0, "the parameter is within its bounds")
  }

  /// The length of the frame; nil if it does not fit.
  private func compress(_ plane: RawSpan, into target: inout MutableRawSpan) -> Int? {
    // SAFETY: both buffers are valid for their counts during the call.
    unsafe target.withUnsafeMutableBytes { output in
      unsafe plane.withUnsafeBytes { input in
        let length = unsafe ZSTD_compress2(
          context, output.baseAddress, output.count, input.baseAddress, input.count)
        return ZSTD_isError(length) == 0 ? length : nil
      }
    }
  }
}
