import MopzBytes
import Synchronization
import Testing

@Suite("Worker threads")
struct WorkerThreadsTests {
  struct Failure: Error, Equatable { let index: Int }

  @Test("results come in order, whatever the number of threads", arguments: [1, 2, 3, 16])
  func order(count: Int) {
    let squares = WorkerThreads(count: count).map(1000) { $0 * $0 }
    #expect(squares == (0..<1000).map { $0 * $0 })
    #expect(WorkerThreads(count: count).map(0) { $0 } == [])
  }

  @Test("the lowest failure is thrown, and no piece is begun after it", arguments: [1, 2, 8])
  func failures(count: Int) {
    for _ in 0..<50 {
      let last = Mutex(0)
      #expect(throws: Failure(index: 30)) {
        _ = try WorkerThreads(count: count).map(100_000) { (index) throws(Failure) -> Int in
          last.withLock { $0 = max($0, index) }
          if index >= 30 && index % 2 == 0 { throw Failure(index: index) }
          return index
        }
      }
      #expect(last.withLock { $0 } < 99_999)
    }
  }
}
