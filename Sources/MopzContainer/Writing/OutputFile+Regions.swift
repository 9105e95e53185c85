import MopzBytes

extension OutputFile {
  /// Appends a region of a container at its alignment, after zeros.
  ///
  /// - Returns: The region's offset.
  /// - Throws: ``ContainerError`` `.system`.
  /// - Specification: §5.7 of `spec/mopz.md`.
  mutating func appendRegion(
    _ bytes: RawSpan, alignment: Int = FormatConstants.regionAlignment
  ) throws(ContainerError) -> Int {
    let start = byteCount.aligned(to: alignment)
    do throws(SystemError) {
      try appendZeros(count: start - byteCount)
      try append(bytes)
    } catch { throw .system(error) }
    return start
  }
}
