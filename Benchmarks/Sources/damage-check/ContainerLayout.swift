import MopzToolkit

/// What the bytes of a sound container are, read by code of its own: the newest slot and the
/// dead extents of its directory.
struct ContainerLayout {
  private let committedLength: Int
  private let dead: [Range<Int>]
  private let isNoted: Bool

  init(_ bytes: [UInt8]) throws {
    func number(_ offset: Int) -> Int {
      (0..<8).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }
    let slot = number(4096 + 8) > number(8192 + 8) ? 4096 : 8192
    committedLength = number(slot + 16)
    let directory = number(slot + 24)
    let start = directory + number(directory + 32)
    dead = (0..<number(directory + 40)).map { index in
      let offset = number(start + 16 * index)
      return offset..<(offset + number(start + 16 * index + 8))
    }
    isNoted = committedLength < bytes.count
  }

  /// What verification must say if a bit of a byte is another.
  func expectation(at offset: Int) -> Tally.Expectation {
    let isDead = offset >= committedLength || dead.contains { $0.contains(offset) }
    return !isDead ? .error : isNoted ? .note : .silence
  }

  /// What verification must say of a file that is cut off.
  func expectation(ofLength count: Int) -> Tally.Expectation {
    count < committedLength ? .error : count > committedLength ? .note : .silence
  }
}
