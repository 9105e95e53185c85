import MopzBytes
import MopzLinearAlgebra

/// What the operations of a pass run on: threads, products, scratch memory, and the order of sums.
struct Engine: Sendable {
  /// The order in which the products of one element are summed.
  enum SumOrder: Hashable, Sendable {
    /// As the library does it.
    case plain
    /// The two halves of the inner dimension one after the other. The difference to ``plain``
    /// shows how much of a result is rounding.
    case halves
  }

  let threads: WorkerThreads
  /// What multiplies activations by stored weights; nil for OpenBLAS.
  let splitProduct: SplitProduct?
  let scratch = ScratchPool()

  init(threads: WorkerThreads, splitProduct: SplitProduct? = .fastest) {
    self.threads = threads
    self.splitProduct = splitProduct
  }

  /// Calls `body` for runs of rows, which depend on the number of rows alone.
  func forEachRows(_ count: Int, of step: Int = 64, _ body: @Sendable (Range<Int>) -> Void) {
    _ = threads.map((count + step - 1) / step) { piece in
      body(piece * step..<min((piece + 1) * step, count))
    }
  }
}
