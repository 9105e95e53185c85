import MopzBytes
import Synchronization

/// Has finished stretches of a file made durable while others are still being formed.
///
/// The disk works at the same time as the processor then, and the synchronization at
/// the end has little left to wait for.
final class WritebackPacer: Sendable {
  /// The bytes of one stretch: few enough to begin early, enough for long writes.
  private static let stretchByteCount = 32 << 20

  private let left: Mutex<[Int]>
  private let output: PositionedOutput
  private let byteCount: Int

  /// - Parameter offsets: Where the pieces of the file begin.
  init(_ output: PositionedOutput, byteCount: Int, offsets: some Sequence<Int>) {
    var left = [Int](repeating: 0, count: byteCount / Self.stretchByteCount + 1)
    for offset in offsets { left[offset / Self.stretchByteCount] += 1 }
    self.left = Mutex(left)
    self.output = output
    self.byteCount = byteCount
  }

  /// Notes that the piece at an offset was written.
  func finishPiece(at offset: Int) {
    let stretch = offset / Self.stretchByteCount
    let isComplete = left.withLock { left in
      left[stretch] -= 1
      return left[stretch] == 0
    }
    guard isComplete else { return }
    let start = stretch * Self.stretchByteCount
    output.beginWriteback(start..<min(start + Self.stretchByteCount, byteCount))
  }
}
