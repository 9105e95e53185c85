import MopzBytes
import MopzTensors

/// Finds the shortest form of a tensor that the codecs allow without loss.
///
/// - Specification: §6.7 of `spec/mopz.md`.
final class BlockEncoder {
  private let compressor = ZstdCompressor()

  /// A tensor's bytes in a form that is shorter than raw, or nil if there is none.
  ///
  /// The result depends on the tensor and on the version of the Zstandard library alone.
  ///
  /// - Complexity: O(n); memory for one plane and the result.
  func encoded(_ tensor: Tensor) -> EncodedBlock? {
    guard tensor.dtype.bitCount >= 8, tensor.bytes.count > 0 else { return nil }
    let narrow = Narrowing.narrowed(tensor)
    let elements = narrow ?? tensor
    if let planes = planes(of: elements, logicalByteCount: tensor.bytes.count) {
      return EncodedBlock(
        dtype: tensor.dtype, shape: tensor.shape, codec: .planes, storedDType: elements.dtype,
        bytes: planes)
    }
    return narrow.map {
      EncodedBlock(
        dtype: tensor.dtype, shape: tensor.shape, codec: .raw, storedDType: $0.dtype,
        bytes: $0.bytes)
    }
  }

  /// The stored bytes of codec planes, or nil if they are not shorter than the elements.
  private func planes(of elements: Tensor, logicalByteCount: Int) -> Bytes? {
    let shortest = planes(of: elements, [.repetitions, .entropy])
    let least = logicalByteCount.aligned(to: Limits.planesExpansion) / Limits.planesExpansion
    let planes = shortest.count < least ? self.planes(of: elements, [.smallBlocks]) : shortest
    return planes.count < elements.bytes.count ? planes : nil
  }

  private func planes(of elements: Tensor, _ efforts: [ZstdCompressor.Effort]) -> Bytes {
    let width = elements.dtype.bitCount / 8
    let count = elements.bytes.count / width
    var fields: [UInt64] = []
    var parts: [Bytes] = []
    for number in 0..<width {
      let plane = Bytes(byteCount: count) { target in
        BytePlanes.split(elements.bytes.span, of: elements.dtype, plane: number, into: &target)
      }
      let frame = shortestFrame(of: plane, efforts)
      parts.append(frame ?? plane)
      fields.append(
        UInt64((frame ?? plane).count) | (frame == nil ? 0 : PlaneElements.compressedBit))
    }
    let head = PlaneElements.headByteCount(width: width)
    return Bytes(byteCount: parts.reduce(head) { $0 + $1.count }) { target in
      target.put(UInt32(width), 0)
      var position = head
      for (number, part) in parts.enumerated() {
        target.put(fields[number], 8 + 8 * number)
        target.copy(from: part.span, at: position)
        position += part.count
      }
    }
  }

  /// The shortest frame of a plane; of several, the first; nil if none is shorter than it.
  private func shortestFrame(of plane: Bytes, _ efforts: [ZstdCompressor.Effort]) -> Bytes? {
    var shortest: Bytes?
    for effort in efforts {
      let limit = shortest?.count ?? plane.count
      shortest = compressor.frame(of: plane.span, effort, shorterThan: limit) ?? shortest
    }
    return shortest
  }
}
