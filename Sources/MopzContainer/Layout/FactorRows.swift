import MopzBytes

/// A row of the factor table.
///
/// - Specification: §8.3 of `spec/mopz.md`.
struct FactorRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 64

  /// The codes of Index_Kind.
  enum IndexKind: UInt8 { case identity = 0, affine, explicit }
  /// The codes of Mixing_Kind.
  enum MixingKind: UInt8 { case none = 0, weights, complement, softmaxTop }

  var pool: UInt32
  var rank: UInt32
  var width: UInt64
  var chunkCount: UInt32
  var mixCount: UInt32
  var side: UInt8
  var indexKind: UInt8
  var mixingKind: UInt8
  var indexBlock: UInt32
  var mixingBlock: UInt32
  var affineOffset: UInt32 = 0
  var affineRowStep: UInt32 = 0
  var affineChunkStep: UInt32 = 0
  var affineModulus: UInt32 = 0

  init(
    pool: UInt32, rank: UInt32, width: UInt64, chunkCount: UInt32, mixCount: UInt32, side: UInt8
  ) {
    self.pool = pool
    self.rank = rank
    self.width = width
    self.chunkCount = chunkCount
    self.mixCount = mixCount
    self.side = side
    indexKind = IndexKind.identity.rawValue
    mixingKind = MixingKind.none.rawValue
    indexBlock = FormatConstants.none
    mixingBlock = FormatConstants.none
  }

  @inline(__always)
  init(parsing bytes: RawSpan, at start: Int) {
    pool = bytes.u32(start)
    rank = bytes.u32(start + 4)
    width = bytes.u64(start + 8)
    chunkCount = bytes.u32(start + 16)
    mixCount = bytes.u32(start + 20)
    side = bytes.u8(start + 24)
    indexKind = bytes.u8(start + 25)
    mixingKind = bytes.u8(start + 26)
    indexBlock = bytes.u32(start + 28)
    mixingBlock = bytes.u32(start + 32)
    affineOffset = bytes.u32(start + 36)
    affineRowStep = bytes.u32(start + 40)
    affineChunkStep = bytes.u32(start + 44)
    affineModulus = bytes.u32(start + 48)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(pool, start)
    bytes.put(rank, start + 4)
    bytes.put(width, start + 8)
    bytes.put(chunkCount, start + 16)
    bytes.put(mixCount, start + 20)
    bytes.put(side, start + 24)
    bytes.put(indexKind, start + 25)
    bytes.put(mixingKind, start + 26)
    bytes.put(indexBlock, start + 28)
    bytes.put(mixingBlock, start + 32)
    bytes.put(affineOffset, start + 36)
    bytes.put(affineRowStep, start + 40)
    bytes.put(affineChunkStep, start + 44)
    bytes.put(affineModulus, start + 48)
  }

  static func reservedIsZero(in bytes: RawSpan, at start: Int) -> Bool {
    bytes.u8(start + 27) == 0 && bytes.u32(start + 52) == 0 && bytes.u64(start + 56) == 0
  }
}

/// A row of the pool table.
struct PoolRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 16

  var shardLength: UInt64
  var firstRange: UInt32
  var rangeCount: UInt32

  init(shardLength: UInt64, firstRange: UInt32, rangeCount: UInt32) {
    self.shardLength = shardLength
    self.firstRange = firstRange
    self.rangeCount = rangeCount
  }

  @inline(__always)
  init(parsing bytes: RawSpan, at start: Int) {
    shardLength = bytes.u64(start)
    firstRange = bytes.u32(start + 8)
    rangeCount = bytes.u32(start + 12)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(shardLength, start)
    bytes.put(firstRange, start + 8)
    bytes.put(rangeCount, start + 12)
  }
}

/// A row of the pool range table.
struct PoolRangeRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 32

  var block: UInt32
  var axis: UInt8
  var visibility: UInt8
  var first: UInt64
  var count: UInt64

  init(block: UInt32, axis: UInt8, visibility: UInt8, first: UInt64, count: UInt64) {
    self.block = block
    self.axis = axis
    self.visibility = visibility
    self.first = first
    self.count = count
  }

  @inline(__always)
  init(parsing bytes: RawSpan, at start: Int) {
    block = bytes.u32(start)
    axis = bytes.u8(start + 4)
    visibility = bytes.u8(start + 5)
    first = bytes.u64(start + 8)
    count = bytes.u64(start + 16)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(block, start)
    bytes.put(axis, start + 4)
    bytes.put(visibility, start + 5)
    bytes.put(first, start + 8)
    bytes.put(count, start + 16)
  }

  static func reservedIsZero(in bytes: RawSpan, at start: Int) -> Bool {
    bytes.u16(start + 6) == 0 && bytes.u64(start + 24) == 0
  }
}
