import MopzBytes
import MopzTensors

/// Elements whose bytes are stored by significance, each plane compressed or not.
///
/// - Specification: §6.5 of `spec/mopz.md`.
final class PlaneElements: StoredElements {
  /// The bit of a plane's length that says that it is compressed.
  static let compressedBit: UInt64 = 1 << 63

  /// The bytes before the first plane, for elements of so many bytes.
  static func headByteCount(width: Int) -> Int { 8 + 8 * width }

  private enum Plane {
    case raw(Bytes)
    case compressed(ZstdFrame)
  }

  private var planes: [Plane] = []
  private let dtype: DType
  private let location: FormatLocation
  private var position = 0

  /// Checks the head and the declared sizes; nothing of the planes' size is allocated.
  ///
  /// - Throws: ``ContainerError`` COD-5 or COD-6.
  init(_ info: BlockInfo, stored: Bytes, _ location: FormatLocation) throws(ContainerError) {
    self.location = location
    dtype = info.storedDType
    let count = UInt64(info.shape.elementCount)
    let width = info.storedDType.bitCount / 8
    let headByteCount = Self.headByteCount(width: width)
    let span = stored.span
    guard span.byteCount >= headByteCount, span.u32(0) == width, span.u32(4) == 0 else {
      throw .violation(.planesHead, location)
    }
    var offset = headByteCount
    for plane in 0..<width {
      let field = span.u64(8 + 8 * plane)
      let isCompressed = field & Self.compressedBit != 0
      let length = field & ~Self.compressedBit
      guard isCompressed ? length >= 1 && length < count : length == count,
        let range = ByteRange(offset: UInt64(offset), count: length, within: span.byteCount)
      else {
        throw .violation(.planesHead, location, .mismatch(expected: count, found: length))
      }
      let bytes = stored.slice(range.range)
      if isCompressed {
        guard let frame = ZstdFrame(bytes, contentByteCount: info.shape.elementCount) else {
          throw .violation(.planeFrame, location, .unknownCode(UInt64(plane)))
        }
        planes.append(.compressed(frame))
      } else {
        planes.append(.raw(bytes))
      }
      offset = range.end
    }
    guard offset == span.byteCount else {
      throw .violation(
        .planesHead, location, .mismatch(expected: UInt64(offset), found: UInt64(span.byteCount)))
    }
  }

  func decode(_ count: Int, into target: inout MutableRawSpan) throws(ContainerError) {
    let joined = try Bytes(byteCount: planes.count * count) {
      (target: inout MutableRawSpan) throws(ContainerError) in
      for (index, plane) in planes.enumerated() {
        var part = target._mutatingExtracting(index * count..<(index + 1) * count)
        guard Self.fill(&part, from: plane, at: position) else {
          throw .violation(.planeFrame, location, .unknownCode(UInt64(index)))
        }
      }
    }
    BytePlanes.join(joined.span, of: dtype, into: &target)
    position += count
  }

  /// The next bytes of a plane; false if its frame does not give them.
  private static func fill(
    _ target: inout MutableRawSpan, from plane: Plane, at position: Int
  ) -> Bool {
    switch plane {
    case .raw(let bytes):
      target.copy(
        from: bytes.span.extracting(position..<(position + target.byteCount)), at: 0)
      return true
    case .compressed(let frame):
      return frame.next(into: &target) && (frame.remainingByteCount > 0 || frame.isAtEnd)
    }
  }
}
