import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A number of threads that share out numbered pieces of work.
///
/// The pieces are handed out in order, and the results come back in order, so
/// what is made of them does not depend on the number of threads.
///
/// ```swift
/// let hashes = WorkerThreads(count: 2).map(blocks.count) { XXH3.hash128(blocks[$0].span) }
/// ```
public struct WorkerThreads: Hashable, Sendable {
  /// The most threads that work at once, with the one that waits for them.
  public let count: Int

  /// A number of threads.
  ///
  /// - Precondition: 1 or more.
  public init(count: Int) {
    precondition(count > 0)
    self.count = count
  }

  /// As many threads as there are processors.
  public static var all: WorkerThreads {
    WorkerThreads(count: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
  }

  /// Calls `body` with 0 up to `pieceCount` and returns what it makes of them, in order.
  ///
  /// After a failure no further piece is begun. The calling thread works too; with one
  /// thread, or one piece, no other is used. The corresponding C function is
  /// `dispatch_apply`.
  ///
  /// - Throws: The failure of the lowest piece that fails, whatever the number of threads.
  public func map<Result: Sendable, Failure: Error>(
    _ pieceCount: Int, _ body: @Sendable (Int) throws(Failure) -> Result
  ) throws(Failure) -> [Result] {
    let threadCount = min(count, pieceCount)
    guard threadCount > 1 else {
      var results: [Result] = []
      results.reserveCapacity(pieceCount)
      for index in 0..<pieceCount { results.append(try body(index)) }
      return results
    }
    let state = Mutex(State<Result, Failure>(pieceCount: pieceCount))
    DispatchQueue.concurrentPerform(iterations: threadCount) { _ in
      while let index = state.withLock({ $0.take() }) {
        do throws(Failure) {
          let result = try body(index)
          state.withLock { $0.results[index] = result }
        } catch {
          state.withLock { $0.fail(index, error) }
        }
      }
    }
    let (failure, results) = state.withLock { ($0.failure, $0.results) }
    // Pieces are begun in order: those below the one that failed first have all been done.
    if let failure { throw failure.error }
    return results.compactMap(\.self)
  }

  private struct State<Result: Sendable, Failure: Error> {
    var next = 0
    var results: [Result?]
    var failure: (index: Int, error: Failure)?

    init(pieceCount: Int) { results = Array(repeating: nil, count: pieceCount) }

    mutating func take() -> Int? {
      guard failure == nil, next < results.count else { return nil }
      next += 1
      return next - 1
    }

    mutating func fail(_ index: Int, _ error: Failure) {
      if index < failure?.index ?? .max { failure = (index, error) }
    }
  }
}
