import CKernels
import MopzBytes

/// The bytes of elements, grouped by significance.
///
/// Plane p holds byte p of every element in order, byte 0 being the least significant.
/// Real types of 16 bits and more are rotated to the left by one bit before they are
/// split, so that the sign lies in the lowest plane and the exponent begins at the top of
/// the highest.
///
/// - Specification: §6.5 of `spec/mopz.md`.
package enum BytePlanes {
  /// Whether the elements of a type are rotated.
  package static func rotates(_ dtype: DType) -> Bool { dtype.isReal && dtype.bitCount >= 16 }

  /// Fills `plane` with one plane of `elements`.
  ///
  /// - Precondition: The type has 8 bits or more; `plane` has a byte for each element, and
  ///   `number` is less than the bytes of one.
  /// - Complexity: O(n).
  package static func split(
    _ elements: RawSpan, of dtype: DType, plane number: Int, into plane: inout MutableRawSpan
  ) {
    let width = dtype.bitCount / 8
    let count = plane.byteCount
    precondition(width >= 1 && number >= 0 && number < width)
    precondition(elements.byteCount == count * width)
    guard width > 1 else { return plane.copy(from: elements, at: 0) }
    // SAFETY: both buffers have the lengths that were checked, for the length of the call; a
    // mutable span is exclusive, so they do not overlap; the loops assume no alignment.
    unsafe elements.withUnsafeBytes { input in
      unsafe plane.withUnsafeMutableBytes { output in
        guard let input = input.baseAddress, let output = output.baseAddress else { return }
        unsafe mopz_split_plane(
          input, count, width, rotates(dtype), number,
          output.assumingMemoryBound(to: UInt8.self))
      }
    }
  }

  /// Fills `elements` from all planes, which lie one after the other.
  ///
  /// - Precondition: The type has 8 bits or more; both spans have the same length, a
  ///   multiple of an element's.
  /// - Complexity: O(n).
  package static func join(
    _ planes: RawSpan, of dtype: DType, into elements: inout MutableRawSpan
  ) {
    let width = dtype.bitCount / 8
    precondition(width >= 1)
    let count = elements.byteCount / width
    precondition(planes.byteCount == count * width && elements.byteCount == count * width)
    guard width > 1 else { return elements.copy(from: planes, at: 0) }
    // SAFETY: as in `split`.
    unsafe planes.withUnsafeBytes { input in
      unsafe elements.withUnsafeMutableBytes { output in
        guard let input = input.baseAddress, let output = output.baseAddress else { return }
        unsafe mopz_join_planes(
          input.assumingMemoryBound(to: UInt8.self), count, width, rotates(dtype), output)
      }
    }
  }
}
