import MopzBytes
import MopzTensors

/// Elements whose bytes are stored by significance, each plane compressed or not.
///
/// - Specification: §6.5 of `spec/mopz.md`.
final class PlaneElements: StoredElements {
  /// The bit of a plane's length that says that it is compressed.
  static let compressedBit: UInt64 = 1 << 63

  private enum Plane {
    case raw(Bytes)
    case compressed(ZstdFrame)
  }

  private var planes: [Plane] = []
  private let location: FormatLocation
  private var position = 0

  /// Checks the head and the declared sizes; nothing of the planes' size is allocated.
  ///
  /// - Throws: ``ContainerError`` COD-5 or COD-6.
  init(_ info: BlockInfo, stored: Bytes, _ location: FormatLocation) throws(ContainerError) {
    self.location = location
    let count = UInt64(info.shape.elementCount)
    let width = info.storedDType.bitCount / 8
    let headByteCount = 8 + 8 * width
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
    for (index, plane) in planes.enumerated() {
      switch plane {
      case .raw(let bytes):
        let part = bytes.span.extracting(position..<(position + count))
        Self.spread(part, into: &target, first: index, step: planes.count)
      case .compressed(let frame):
        let isLast = frame.remainingByteCount == count
        guard let bytes = frame.next(count), !isLast || frame.isAtEnd else {
          throw .violation(.planeFrame, location, .unknownCode(UInt64(index)))
        }
        Self.spread(bytes.span, into: &target, first: index, step: planes.count)
      }
    }
    position += count
  }

  /// Puts byte i of a plane at `first + i · step`.
  private static func spread(
    _ plane: RawSpan, into target: inout MutableRawSpan, first: Int, step: Int
  ) {
    if step == 1 { return target.copy(from: plane, at: 0) }
    for index in 0..<plane.byteCount { target.put(plane.u8(index), first + index * step) }
  }
}
