extension Array where Element == UInt8 {
  /// Appends all bytes of a span.
  ///
  /// - Complexity: O(n).
  public mutating func append(copying span: RawSpan) {
    // SAFETY: the buffer is valid during the call, and does not overlap the array's storage,
    // since the span borrows its owner and this array is accessed exclusively.
    unsafe span.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }

  /// Copies all bytes of a span.
  ///
  /// - Complexity: O(n).
  public init(copying span: RawSpan) {
    self = []
    append(copying: span)
  }
}
