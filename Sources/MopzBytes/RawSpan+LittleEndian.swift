extension RawSpan {
  /// Reads a fixed-width integer that was stored with its low byte first.
  ///
  /// Inlinable, since a call that is not specialised takes ten times as long, and a
  /// lookup in a container makes tens of thousands.
  ///
  /// - Precondition: The integer's bytes lie within the span.
  @inlinable
  @inline(__always)
  public func loadLittleEndian<Value: FixedWidthInteger & BitwiseCopyable>(
    fromByteOffset offset: Int, as type: Value.Type
  ) -> Value {
    precondition(offset >= 0 && offset <= byteCount - MemoryLayout<Value>.size)
    // SAFETY: the range was checked, every bit pattern is an integer, no alignment is assumed.
    return Value(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self))
  }

  /// Reads one byte.
  ///
  /// - Precondition: `offset` lies within the span.
  @inlinable
  @inline(__always)
  public func byte(at offset: Int) -> UInt8 {
    loadLittleEndian(fromByteOffset: offset, as: UInt8.self)
  }

  /// Whether both spans hold the same bytes.
  ///
  /// - Complexity: O(n), by `memcmp`.
  public func hasSameBytes(as other: RawSpan) -> Bool {
    guard byteCount == other.byteCount else { return false }
    guard byteCount > 0 else { return true }
    // SAFETY: both buffers are valid for `byteCount` bytes for the length of the call.
    return unsafe withUnsafeBytes { a in
      unsafe other.withUnsafeBytes { b in
        guard let p = a.baseAddress, let q = b.baseAddress else { return true }
        return unsafe memcmp(p, q, a.count) == 0
      }
    }
  }

  /// Whether every byte is zero.
  ///
  /// - Complexity: O(n).
  public var isAllZero: Bool {
    var offset = 0
    // Eight words at a time: headers are mostly zeros.
    while offset + 64 <= byteCount {
      var bits: UInt64 = 0
      for word in 0..<8 {
        bits |= loadLittleEndian(fromByteOffset: offset + 8 * word, as: UInt64.self)
      }
      if bits != 0 { return false }
      offset += 64
    }
    while offset + 8 <= byteCount {
      if loadLittleEndian(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
      offset += 8
    }
    while offset < byteCount {
      if byte(at: offset) != 0 { return false }
      offset += 1
    }
    return true
  }
}

extension MutableRawSpan {
  /// Stores a fixed-width integer with its low byte first.
  ///
  /// - Precondition: The integer's bytes lie within the span.
  @inlinable
  @inline(__always)
  @_lifetime(self: copy self)
  public mutating func storeLittleEndian<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, toByteOffset offset: Int
  ) {
    precondition(offset >= 0 && offset <= byteCount - MemoryLayout<Value>.size)
    storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
  }

  /// Copies all of `source` to `offset`.
  ///
  /// - Precondition: It fits.
  @_lifetime(self: copy self)
  public mutating func copy(from source: RawSpan, at offset: Int) {
    precondition(offset >= 0 && offset <= byteCount - source.byteCount)
    guard source.byteCount > 0 else { return }
    // SAFETY: both ranges were checked; a mutable span is exclusive, so they do not overlap.
    unsafe withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { bytes in
        let slot = unsafe UnsafeMutableRawBufferPointer(
          rebasing: target[offset..<(offset + bytes.count)])
        unsafe slot.copyMemory(from: bytes)
      }
    }
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Span where Element: BitwiseCopyable {
  /// The elements' bytes, for element types without padding.
  public var rawBytes: RawSpan {
    @_lifetime(copy self)
    get {
      // SAFETY: called for integers and floating-point numbers, which have no padding.
      unsafe bytes
    }
  }
}
