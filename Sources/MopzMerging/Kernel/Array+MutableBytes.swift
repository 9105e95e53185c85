extension Array where Element: BitwiseCopyable {
  /// Lends the first bytes of the elements to be overwritten.
  ///
  /// - Precondition: The elements are numbers, so that every bit pattern is one; there
  ///   are `count` bytes.
  mutating func withMutableBytes<Result>(
    count: Int, _ body: (inout MutableRawSpan) -> Result
  ) -> Result {
    var elements = mutableSpan
    // SAFETY: integers and floating-point numbers have neither padding nor invalid patterns.
    var bytes = unsafe elements.mutableBytes
    var front = bytes._mutatingExtracting(0..<count)
    return body(&front)
  }
}
