import MopzBytes
import MopzDigest

/// What the directory says of one task.
///
/// - Specification: §5.3 of `spec/mopz.md`.
struct TaskEntry: FixedLayout, Hashable, Sendable {
  static let byteCount = 96
  /// The bytes that the entry's hash covers before the name.
  static let hashedByteCount = 88
  /// The flag of a task that is carried, not merged.
  static let opaqueFlag: UInt16 = 1

  var nameOffset: UInt32 = 0
  var nameLength: UInt16 = 0
  var flags: UInt16 = 0
  var recordOffset: UInt64 = 0
  var recordLength: UInt64 = 0
  var recordHash: Digest128 = .zero
  var privateOffset: UInt64 = 0
  var privateLength: UInt64 = 0
  var referencedBytes: UInt64 = 0
  var rankMax: UInt32 = 0
  var targetCount: UInt32 = 0
  var parameterCount: UInt64 = 0
  var entryHash: UInt64 = 0

  init() {}

  init(parsing bytes: RawSpan, at offset: Int) {
    nameOffset = bytes.u32(offset)
    nameLength = bytes.u16(offset + 4)
    flags = bytes.u16(offset + 6)
    recordOffset = bytes.u64(offset + 8)
    recordLength = bytes.u64(offset + 16)
    recordHash = Digest128(littleEndian: bytes, at: offset + 24)
    privateOffset = bytes.u64(offset + 40)
    privateLength = bytes.u64(offset + 48)
    referencedBytes = bytes.u64(offset + 56)
    rankMax = bytes.u32(offset + 64)
    targetCount = bytes.u32(offset + 68)
    parameterCount = bytes.u64(offset + 72)
    entryHash = bytes.u64(offset + 88)
  }

  func write(to bytes: inout MutableRawSpan, at offset: Int) {
    bytes.put(nameOffset, offset)
    bytes.put(nameLength, offset + 4)
    bytes.put(flags, offset + 6)
    bytes.put(recordOffset, offset + 8)
    bytes.put(recordLength, offset + 16)
    bytes.put(recordHash, offset + 24)
    bytes.put(privateOffset, offset + 40)
    bytes.put(privateLength, offset + 48)
    bytes.put(referencedBytes, offset + 56)
    bytes.put(rankMax, offset + 64)
    bytes.put(targetCount, offset + 68)
    bytes.put(parameterCount, offset + 72)
    bytes.put(entryHash, offset + 88)
  }

  static func reservedIsZero(in bytes: RawSpan, at offset: Int) -> Bool {
    bytes.u64(offset + 80) == 0
  }

  /// The hash of an entry's bytes, up to the hash itself, and of its name.
  ///
  /// - Precondition: `name` has at most 65535 bytes.
  static func hash(entry bytes: RawSpan, at offset: Int, name: RawSpan) -> UInt64 {
    // Both parts are short; joined they can be hashed in one call.
    let joined = Bytes(byteCount: hashedByteCount + name.byteCount) { target in
      target.copy(from: bytes.extracting(offset..<(offset + hashedByteCount)), at: 0)
      target.copy(from: name, at: hashedByteCount)
    }
    return XXH3.hash64(joined.span)
  }

  /// The same entry with the hash of its fields and its name.
  func sealed(name: RawSpan) -> TaskEntry {
    var entry = self
    entry.entryHash = Self.hash(entry: bytes.span, at: 0, name: name)
    return entry
  }
}
