import MopzBytes
import MopzDigest

/// The first 64 bytes of the directory.
///
/// - Specification: §5.3 of `spec/mopz.md`.
struct DirectoryHeader: FixedLayout, Hashable, Sendable {
  static let byteCount = 64
  /// The bytes that the header's hash covers.
  static let hashedByteCount = 48

  var magic: UInt64 = FormatConstants.directoryMagic
  var taskCount: UInt64
  var namesOffset: UInt64
  var namesLength: UInt64
  var deadOffset: UInt64
  var deadCount: UInt64
  var headerHash: UInt64 = 0

  /// The header of a directory with these parts.
  init(taskCount: Int, namesByteCount: Int, deadCount: Int) {
    let names = Self.byteCount + taskCount * TaskEntry.byteCount
    self.taskCount = UInt64(taskCount)
    namesOffset = UInt64(names)
    namesLength = UInt64(namesByteCount)
    deadOffset = UInt64((names + namesByteCount).aligned(to: 8))
    self.deadCount = UInt64(deadCount)
    headerHash = XXH3.hash64(bytes.span.extracting(0..<Self.hashedByteCount))
  }

  init(parsing bytes: RawSpan, at offset: Int) {
    magic = bytes.u64(offset)
    taskCount = bytes.u64(offset + 8)
    namesOffset = bytes.u64(offset + 16)
    namesLength = bytes.u64(offset + 24)
    deadOffset = bytes.u64(offset + 32)
    deadCount = bytes.u64(offset + 40)
    headerHash = bytes.u64(offset + 48)
  }

  func write(to bytes: inout MutableRawSpan, at offset: Int) {
    bytes.put(magic, offset)
    bytes.put(taskCount, offset + 8)
    bytes.put(namesOffset, offset + 16)
    bytes.put(namesLength, offset + 24)
    bytes.put(deadOffset, offset + 32)
    bytes.put(deadCount, offset + 40)
    bytes.put(headerHash, offset + 48)
  }

  static func reservedIsZero(in bytes: RawSpan, at offset: Int) -> Bool {
    bytes.u64(offset + 56) == 0
  }
}
