import MopzBytes
import MopzTensors

/// Gives the logical bytes of a coded block, front to back, a tile at a time.
///
/// Lengths are checked against each other before anything is allocated; the memory
/// that decoding needs, beside its result, does not depend on the block.
///
/// - Specification: §6 of `spec/mopz.md`.
final class BlockDecoder {
  /// The elements of a tile.
  static let tileElementCount = 1 << 16

  private let info: BlockInfo
  private let location: FormatLocation
  private let source: any StoredElements
  private var position = 0

  /// Checks the head of a block.
  ///
  /// - Throws: ``ContainerError`` COD-5, COD-6 or COD-7.
  init(_ info: BlockInfo, stored: Bytes, _ location: FormatLocation) throws(ContainerError) {
    self.info = info
    self.location = location
    switch info.codec {
    case .raw: source = RawElements(stored)
    case .planes: source = try PlaneElements(info, stored: stored, location)
    case .rowsInt8: source = try RowsInt8Elements(info, stored: stored, location)
    }
  }

  /// The elements that have not been decoded yet.
  var remainingElementCount: Int { info.shape.elementCount - position }

  /// The next tile's logical bytes.
  ///
  /// - Throws: ``ContainerError`` COD-6 if a compressed plane does not give its elements.
  func nextTile() throws(ContainerError) -> Bytes {
    let count = min(Self.tileElementCount, remainingElementCount)
    let tile = try Bytes(byteCount: count * info.dtype.bitCount / 8) {
      (target: inout MutableRawSpan) throws(ContainerError) in
      try decode(count, into: &target)
    }
    position += count
    return tile
  }

  /// All logical bytes.
  ///
  /// - Throws: ``ContainerError``, as ``nextTile()``.
  func decoded() throws(ContainerError) -> Bytes {
    let width = info.dtype.bitCount / 8
    return try Bytes(byteCount: info.logicalByteCount) {
      (target: inout MutableRawSpan) throws(ContainerError) in
      while remainingElementCount > 0 {
        let count = min(Self.tileElementCount, remainingElementCount)
        var part = target._mutatingExtracting(position * width..<(position + count) * width)
        try decode(count, into: &part)
        position += count
      }
    }
  }

  private func decode(_ count: Int, into target: inout MutableRawSpan) throws(ContainerError) {
    if info.codec == .rowsInt8 || info.storedDType == info.dtype {
      return try source.decode(count, into: &target)
    }
    let narrow = try Bytes(byteCount: count * info.storedDType.bitCount / 8) {
      (buffer: inout MutableRawSpan) throws(ContainerError) in
      try source.decode(count, into: &buffer)
    }
    Widening.widen(narrow.span, from: info.storedDType, to: info.dtype, into: &target)
  }
}

/// Elements that are decoded front to back.
protocol StoredElements: AnyObject {
  /// Fills `target` with the next `count` elements.
  func decode(_ count: Int, into target: inout MutableRawSpan) throws(ContainerError)
}

/// Elements that are stored as they are, or narrower.
final class RawElements: StoredElements {
  private let stored: Bytes
  private var position = 0

  init(_ stored: Bytes) { self.stored = stored }

  func decode(_ count: Int, into target: inout MutableRawSpan) {
    let stored = stored
    let end = position + target.byteCount
    target.copy(from: stored.span.extracting(position..<end), at: 0)
    position = end
  }
}
