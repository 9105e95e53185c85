import CZstd
import MopzBytes

/// One Zstandard frame that is decompressed front to back.
///
/// - Specification: §6.5 of `spec/mopz.md`, COD-6.
@safe
final class ZstdFrame {
  /// No block of a frame takes less than 4 bytes or gives more than 128 KiB.
  private static let expansionMax = 32768
  private static let magic: UInt32 = 0xFD2F_B528

  private let bytes: Bytes
  private let context: OpaquePointer
  private var consumed = 0
  /// The bytes that the frame has yet to give.
  private(set) var remainingByteCount: Int
  /// Whether the decompressor has met the end of the frame.
  private(set) var isAtEnd = false

  /// A frame that declares so many bytes, or nil if the bytes are anything else: no frame,
  /// more than one, a skippable one, one with a dictionary, another or no content size, or
  /// too large a window.
  ///
  /// The corresponding C functions are `ZSTD_getFrameContentSize`,
  /// `ZSTD_getDictID_fromFrame` and `ZSTD_findFrameCompressedSize`.
  init?(_ bytes: Bytes, contentByteCount: Int) {
    let span = bytes.span
    guard span.byteCount >= 6, span.u32(0) == Self.magic,
      Self.windowByteCount(span, content: contentByteCount) <= Limits.planeWindowByteCount,
      contentByteCount / Self.expansionMax <= span.byteCount
    else { return nil }
    // SAFETY: the buffer is valid for its count during the calls.
    let isSound = unsafe span.withUnsafeBytes { buffer in
      unsafe ZSTD_getFrameContentSize(buffer.baseAddress, buffer.count)
        == UInt64(contentByteCount)
        && ZSTD_getDictID_fromFrame(buffer.baseAddress, buffer.count) == 0
        && ZSTD_findFrameCompressedSize(buffer.baseAddress, buffer.count) == buffer.count
    }
    guard isSound else { return nil }
    // SAFETY: the context is owned by this object alone, and freed by `deinit`.
    guard let context = unsafe ZSTD_createDCtx() else { preconditionFailure("out of memory") }
    unsafe self.context = context
    self.bytes = bytes
    remainingByteCount = contentByteCount
  }

  deinit { unsafe _ = ZSTD_freeDCtx(context) }

  /// What the header says of the window: a byte of its own, or that the content is one
  /// segment (RFC 8878, 3.1.1.1).
  private static func windowByteCount(_ frame: RawSpan, content: Int) -> Int {
    guard frame.u8(4) & 0x20 == 0 else { return content }
    let descriptor = Int(frame.u8(5))
    let base = 1 << (10 + (descriptor >> 3))
    return base + base / 8 * (descriptor & 7)
  }

  /// Fills `target` with the next bytes of the content; false if the frame does not give
  /// them.
  ///
  /// The corresponding C function is `ZSTD_decompressStream`.
  func next(into target: inout MutableRawSpan) -> Bool {
    guard target.byteCount <= remainingByteCount else { return false }
    let isWhole = fill(&target, isLast: target.byteCount == remainingByteCount)
    remainingByteCount -= target.byteCount
    return isWhole
  }

  private func fill(_ target: inout MutableRawSpan, isLast: Bool) -> Bool {
    let bytes = bytes
    let source = bytes.span
    // SAFETY: both buffers are valid for their counts during the call, which writes at most
    // `output.size` bytes and reads at most `input.size`.
    return unsafe target.withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { source in
        var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: consumed)
        while unsafe output.pos < output.size || (isLast && !isAtEnd) {
          let before = unsafe (output.pos, input.pos)
          let hint = unsafe ZSTD_decompressStream(context, &output, &input)
          guard ZSTD_isError(hint) == 0 else { return false }
          isAtEnd = hint == 0
          if isAtEnd { break }
          if unsafe before == (output.pos, input.pos) { break }
        }
        unsafe consumed = input.pos
        return unsafe output.pos == output.size
      }
    }
  }
}
