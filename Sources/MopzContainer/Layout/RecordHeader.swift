import MopzBytes

/// The first 64 bytes of a task record, before its section table.
///
/// - Specification: §5.4 of `spec/mopz.md`.
struct RecordHeader: FixedLayout, Hashable, Sendable {
  static let byteCount = 64

  var magic: UInt64 = FormatConstants.recordMagic
  var recordLength: UInt64
  var kind: StringReference
  var baseBlock: UInt32
  var rankMax: UInt32
  var parameterCount: UInt64

  init(
    recordLength: UInt64, kind: StringReference, baseBlock: UInt32, rankMax: UInt32,
    parameterCount: UInt64
  ) {
    self.recordLength = recordLength
    self.kind = kind
    self.baseBlock = baseBlock
    self.rankMax = rankMax
    self.parameterCount = parameterCount
  }

  init(parsing bytes: RawSpan, at offset: Int) {
    magic = bytes.u64(offset)
    recordLength = bytes.u64(offset + 8)
    kind = StringReference(parsing: bytes, at: offset + 16)
    baseBlock = bytes.u32(offset + 24)
    rankMax = bytes.u32(offset + 28)
    parameterCount = bytes.u64(offset + 32)
  }

  func write(to bytes: inout MutableRawSpan, at offset: Int) {
    bytes.put(magic, offset)
    bytes.put(recordLength, offset + 8)
    kind.write(to: &bytes, at: offset + 16)
    bytes.put(baseBlock, offset + 24)
    bytes.put(rankMax, offset + 28)
    bytes.put(parameterCount, offset + 32)
  }

  static func reservedIsZero(in bytes: RawSpan, at offset: Int) -> Bool {
    bytes.u64(offset + 40) | bytes.u64(offset + 48) | bytes.u64(offset + 56) == 0
  }
}

/// A string in a record's heap.
struct StringReference: FixedLayout, Hashable, Sendable {
  static let byteCount = 8
  static let empty = StringReference(offset: 0, length: 0)

  var offset: UInt32
  var length: UInt32

  init(offset: UInt32, length: UInt32) {
    self.offset = offset
    self.length = length
  }

  @inline(__always)
  init(parsing bytes: RawSpan, at start: Int) {
    offset = bytes.u32(start)
    length = bytes.u32(start + 4)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(offset, start)
    bytes.put(length, start + 4)
  }
}
