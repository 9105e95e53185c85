extension RawSpan {
  /// The text of a range of UTF-8, or nil if it is no valid UTF-8.
  ///
  /// Surrogates, overlong forms and values beyond U+10FFFF are invalid; NUL is
  /// a character like others.
  ///
  /// - Precondition: `range` lies within the span.
  /// - Complexity: O(length).
  public func text(in range: Range<Int>) -> String? {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    // SAFETY: the range was checked, and the buffer does not leave the closure.
    return unsafe withUnsafeBytes { bytes in
      unsafe String(validating: bytes[range], as: UTF8.self)
    }
  }

  /// The text of all bytes, or nil if they are no valid UTF-8.
  public var text: String? { text(in: 0..<byteCount) }
}

extension Bytes {
  /// The text of all bytes, or nil if they are no valid UTF-8.
  ///
  /// - Complexity: O(n).
  public var text: String? { span.text }
}
