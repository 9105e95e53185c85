import MopzBytes

/// The contents of an entry while they arrive.
///
/// Pieces that follow one another in the archive's own memory are kept as a range
/// of it; others are copied, into chunks that grow with what has arrived and not
/// with what was announced.
struct EntryContents {
  private static let chunkByteCount = 4 << 20

  private let source: Bytes?
  private var range: Range<Int>?
  private var chunks: [[UInt8]] = []
  /// The number of bytes that have arrived.
  private(set) var byteCount = 0

  /// No contents yet.
  ///
  /// - Parameter source: The archive, if pieces may lie in it uncompressed.
  init(source: Bytes?) { self.source = source }

  /// Takes the next piece.
  mutating func append(_ block: RawSpan) {
    byteCount += block.byteCount
    if chunks.isEmpty, let place = place(of: block) {
      range = (range?.lowerBound ?? place.lowerBound)..<place.upperBound
      return
    }
    if let source, let range {
      self.range = nil
      copy(source.span.extracting(range))
    }
    copy(block)
  }

  /// Where a piece lies in the archive, if it does and follows what came before.
  private func place(of block: RawSpan) -> Range<Int>? {
    guard let place = source?.offsets(of: block) else { return nil }
    if let range { return range.upperBound == place.lowerBound ? place : nil }
    return byteCount == block.byteCount ? place : nil
  }

  private mutating func copy(_ block: RawSpan) {
    var offset = 0
    while offset < block.byteCount {
      if chunks.isEmpty || chunks[chunks.count - 1].count == Self.chunkByteCount {
        chunks.append([])
      }
      let room = Self.chunkByteCount - chunks[chunks.count - 1].count
      let end = offset + min(room, block.byteCount - offset)
      chunks[chunks.count - 1].append(copying: block.extracting(offset..<end))
      offset = end
    }
  }

  /// All of it.
  func bytes() -> Bytes {
    if let source, let range { return source.slice(range) }
    return Bytes(byteCount: byteCount) { target in
      var offset = 0
      for chunk in chunks {
        target.copy(from: chunk.span.rawBytes, at: offset)
        offset += chunk.count
      }
    }
  }
}

extension Bytes {
  /// Where a span lies in these bytes, or nil if it lies elsewhere.
  fileprivate func offsets(of other: RawSpan) -> Range<Int>? { span.byteOffsets(of: other) }
}
