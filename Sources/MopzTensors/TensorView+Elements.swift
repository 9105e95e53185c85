import MopzBytes

extension TensorView {
  /// All elements as Float32, or nil if the type is no floating-point type of 8 to 64 bits.
  ///
  /// f64 is rounded; everything else is exact.
  ///
  /// - Complexity: O(n); allocates four bytes an element.
  public func float32Elements() -> [Float]? {
    guard ElementConversion.isSupported(from: dtype, to: .f32) else { return nil }
    let count = shape.elementCount
    return [Float](capacity: count) { output in
      output.append(repeating: 0, count: count)
      var elements = output.mutableSpan
      copyFloat32(into: &elements, elements: 0..<count)
    }
  }

  /// All elements as Float64, exactly, or nil if the type is no floating-point
  /// type of 8 to 64 bits.
  ///
  /// - Complexity: O(n); allocates eight bytes an element.
  public func float64Elements() -> [Double]? {
    guard ElementConversion.isSupported(from: dtype, to: .f64) else { return nil }
    let count = shape.elementCount
    return [Double](capacity: count) { output in
      output.append(repeating: 0, count: count)
      var elements = output.mutableSpan
      copyFloat64(into: &elements, elements: 0..<count)
    }
  }

  /// Copies a range of elements, as Float32, to the front of `target`.
  ///
  /// - Precondition: The type can be converted to f32; the range lies within the
  ///   elements, its count within `target`.
  @_lifetime(target: copy target)
  public func copyFloat32(into target: inout MutableSpan<Float>, elements: Range<Int>) {
    precondition(elements.count <= target.count)
    var bytes = target.elementBytes
    copy(elements, to: &bytes, as: .f32)
  }

  /// Copies a range of elements, as Float64, to the front of `target`.
  ///
  /// - Precondition: The type can be converted to f64; the range lies within the
  ///   elements, its count within `target`.
  @_lifetime(target: copy target)
  public func copyFloat64(into target: inout MutableSpan<Double>, elements: Range<Int>) {
    precondition(elements.count <= target.count)
    var bytes = target.elementBytes
    copy(elements, to: &bytes, as: .f64)
  }

  @_lifetime(target: copy target)
  private func copy(_ elements: Range<Int>, to target: inout MutableRawSpan, as type: DType) {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= shape.elementCount)
    let width = dtype.bitCount / 8
    let range = elements.lowerBound * width..<elements.upperBound * width
    var front = target._mutatingExtracting(0..<elements.count * (type.bitCount / 8))
    ElementConversion.convert(bytes.extracting(range), as: dtype, to: &front, as: type)
  }
}

extension TensorView {
  /// All elements as Int64, or nil if the type is neither an integer type nor
  /// `BOOL`, or a value exceeds `Int64.max`.
  ///
  /// A `BOOL` is 0 or 1; every byte but zero counts as 1.
  ///
  /// - Complexity: O(n); allocates eight bytes an element.
  public func int64Elements() -> [Int64]? {
    switch dtype {
    case .bool: integers(UInt8.self)?.map { $0 == 0 ? 0 : 1 }
    case .u8: integers(UInt8.self)
    case .i8: integers(Int8.self)
    case .u16: integers(UInt16.self)
    case .i16: integers(Int16.self)
    case .u32: integers(UInt32.self)
    case .i32: integers(Int32.self)
    case .u64: integers(UInt64.self)
    case .i64: integers(Int64.self)
    default: nil
    }
  }

  /// All elements of an integer type or `BOOL` as Float64, or nil if the type is
  /// another, or Float64 cannot hold a value exactly.
  ///
  /// - Complexity: O(n); allocates sixteen bytes an element.
  public func exactFloat64Integers() -> [Double]? {
    guard let integers = int64Elements() else { return nil }
    var values: [Double] = []
    values.reserveCapacity(integers.count)
    for integer in integers {
      guard let value = Double(exactly: integer) else { return nil }
      values.append(value)
    }
    return values
  }

  private func integers<Stored: FixedWidthInteger & BitwiseCopyable>(
    _ type: Stored.Type
  ) -> [Int64]? {
    let width = MemoryLayout<Stored>.size
    var values: [Int64] = []
    values.reserveCapacity(shape.elementCount)
    for index in 0..<shape.elementCount {
      let stored = bytes.loadLittleEndian(fromByteOffset: index * width, as: type)
      guard let value = Int64(exactly: stored) else { return nil }
      values.append(value)
    }
    return values
  }
}

extension MutableSpan where Element: BitwiseCopyable {
  /// The elements' bytes, for element types without padding.
  fileprivate var elementBytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      // SAFETY: called for floating-point numbers, which have no padding and no invalid pattern.
      unsafe mutableBytes
    }
  }
}
