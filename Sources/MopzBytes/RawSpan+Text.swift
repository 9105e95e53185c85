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
    // SAFETY: the range was checked, and no buffer leaves its closure.
    return unsafe withUnsafeBytes { bytes in
      let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
      // Decoding repairs what is invalid, which then differs from the bytes. The initialiser
      // that validates looks up generic metadata for every string, however short.
      var text = unsafe String(decoding: part, as: UTF8.self)
      let isValid = text.withUTF8 { decoded in
        guard decoded.count == part.count else { return false }
        guard let p = decoded.baseAddress, let q = part.baseAddress else { return true }
        return unsafe memcmp(p, q, part.count) == 0
      }
      return isValid ? text : nil
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

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
