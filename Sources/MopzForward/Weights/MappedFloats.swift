import MopzBytes
import MopzTensors

extension Tensor {
  /// Whether the elements are Float32 that can be used where they lie.
  var hasAlignedFloats: Bool {
    guard dtype == .f32 else { return false }
    // SAFETY: only the address is looked at.
    return unsafe bytes.span.withUnsafeBytes { buffer in
      unsafe Int(bitPattern: buffer.baseAddress) % MemoryLayout<Float>.alignment == 0
    }
  }

  /// Elements of a Float32 tensor, where they lie.
  ///
  /// - Precondition: ``hasAlignedFloats``, and the range lies within the elements.
  @_lifetime(borrow self)
  func floats(_ range: Range<Int>) -> Span<Float> {
    precondition(dtype == .f32 && range.lowerBound >= 0 && range.upperBound <= shape.elementCount)
    let part = bytes.span.extracting(range.lowerBound * 4..<range.upperBound * 4)
    // SAFETY: every bit pattern is a Float, the alignment was checked by the caller, and the
    // bytes live as long as the tensor.
    let span = unsafe part._unsafeView(as: Float.self)
    return unsafe _overrideLifetime(span, borrowing: self)
  }
}
