import MopzBytes
import MopzDigest
import MopzTensors

/// The identity of a block: the hash of its type, shape and logical bytes.
///
/// - Specification: §9.2 of `spec/mopz.md`.
enum ContentHash {
  /// The hash of a type, dimensions and the hash of the logical bytes.
  static func hash(_ dtype: DType, _ shape: Shape, bytes inner: Digest128) -> Digest128 {
    let head = Bytes(byteCount: 8 + 8 * shape.dimensionCount + Digest128.byteCount) { target in
      target.put(dtype.rawValue, 0)
      target.put(UInt8(shape.dimensionCount), 1)
      for (index, dimension) in shape.dimensions.enumerated() {
        target.put(UInt64(dimension), 8 + 8 * index)
      }
      target.put(inner, 8 + 8 * shape.dimensionCount)
    }
    return XXH3.hash128(head.span)
  }
}
