import Synchronization

/// Memory of one thread, used for one tile after the other.
struct TileScratch: Sendable {
  /// The tile that is formed, as it is written.
  var merged: [UInt8] = []
  /// V of a tile in Float64.
  var values: [Double] = []
  /// W of a tile in Float64.
  var start: [Double] = []

  /// Makes room for a tile; what the memory holds is of no account.
  static func grow<Element: ExpressibleByIntegerLiteral>(_ array: inout [Element], to count: Int) {
    if array.count < count { array = Array(repeating: 0, count: count) }
  }
}

/// Scratch memory that threads borrow and give back: as many as work at once.
final class ScratchPool: Sendable {
  private let free = Mutex<[TileScratch]>([])

  /// Runs `body` with scratch memory that nobody else uses.
  func with<Result, Failure: Error>(
    _ body: (inout TileScratch) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var scratch = free.withLock { $0.popLast() } ?? TileScratch()
    defer { free.withLock { $0.append(scratch) } }
    return try body(&scratch)
  }
}
