import MopzBytes

/// Conversion of arrays of elements from one floating-point type to another.
///
/// Every value is rounded once, to nearest, ties to even: a value beyond the
/// largest finite one by half a unit in the last place or more becomes an
/// infinity, subnormals are kept, zeros keep their sign. f64 becomes f16 or bf16
/// directly, not by way of f32. A NaN becomes a quiet NaN with the same sign and
/// as many of the upper bits of its payload as fit. Equal types copy the bytes as
/// they are. The loops are chosen by the processor; all give the same bits.
///
/// ```swift
/// let rounded = Bytes(byteCount: floats.count * 2) { target in
///   ElementConversion.convert(floats.span.rawBytes, as: .f32, to: &target, as: .bf16)
/// }
/// ```
public enum ElementConversion {
  /// Whether elements can be converted.
  ///
  /// From f64, f32, f16, bf16 and the five eight-bit formats to f64, f32, f16 and
  /// bf16; and from any type to itself.
  public static func isSupported(from source: DType, to target: DType) -> Bool {
    source == target
      || target.isMergeable && (source.isMergeable || Float8Format(source) != nil)
  }

  /// Converts all elements of `source` into `target`.
  ///
  /// Neither span needs to be aligned.
  ///
  /// - Precondition: ``isSupported(from:to:)``, and both spans hold the same whole
  ///   number of elements.
  /// - Complexity: O(n); at the speed of memory for large arrays.
  @_lifetime(target: copy target)
  public static func convert(
    _ source: RawSpan, as sourceType: DType, to target: inout MutableRawSpan,
    as targetType: DType
  ) {
    precondition(isSupported(from: sourceType, to: targetType))
    if sourceType == targetType {
      precondition(source.byteCount == target.byteCount)
      target.copy(from: source, at: 0)
    } else if let format = Float8Format(sourceType) {
      convert(source, as: format, to: &target, as: targetType)
    } else {
      ConversionKernel.best.convert(source, as: sourceType, to: &target, as: targetType)
    }
  }

  /// By way of f32, which holds every eight-bit value exactly.
  @_lifetime(target: copy target)
  private static func convert(
    _ source: RawSpan, as format: Float8Format, to target: inout MutableRawSpan,
    as targetType: DType
  ) {
    let width = targetType.bitCount / 8
    precondition(target.byteCount == source.byteCount * width)
    let table = format.table
    let step = 512
    var floats = [Float](repeating: 0, count: min(step, source.byteCount))
    for first in stride(from: 0, to: source.byteCount, by: step) {
      let count = min(step, source.byteCount - first)
      for i in 0..<count { floats[i] = table[Int(source.byte(at: first + i))] }
      let values = floats.span.extracting(0..<count).rawBytes
      var part = target._mutatingExtracting(first * width..<(first + count) * width)
      convert(values, as: .f32, to: &part, as: targetType)
    }
  }
}
