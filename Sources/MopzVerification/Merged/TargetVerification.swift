import MopzBinding
import MopzBytes
import MopzTensors

/// Compares one touched tensor, every element of it, with what it must be.
struct TargetVerification {
  let target: BoundTarget
  let binding: Binding
  let threads: WorkerThreads

  /// Compares.
  ///
  /// - Parameters:
  ///   - tensor: What was found, of as many elements as the base tensor.
  ///   - format: The format of `tensor`.
  func sums(
    of tensor: Tensor, as format: StoredFormat, isDone: @escaping @Sendable (Int) -> Void
  ) throws(VerificationError) -> ComparisonSums {
    var expectation = try TargetExpectation(of: target, in: binding)
    guard let found = StoredElements(tensor), found.count == expectation.base.count else {
      preconditionFailure("the caller compares types and shapes")
    }
    expectation.prepare(threads: threads)
    let ready = expectation
    let tiles = ready.tiles
    let parts: [ComparisonSums]
    do throws(Interrupted) {
      parts = try threads.map(tiles.count) { (index) throws(Interrupted) in
        try Cancellation.check()
        let sums = Self.compare(tiles[index], ready, found, as: format)
        isDone(tiles[index].count * ready.columns * format.byteCount)
        return sums
      }
    } catch { throw .interrupted(error) }
    var sums = ComparisonSums()
    for part in parts { sums.add(part) }
    return sums
  }

  private static func compare(
    _ rows: Range<Int>, _ expectation: TargetExpectation, _ found: StoredElements,
    as format: StoredFormat
  ) -> ComparisonSums {
    let count = rows.count * expectation.columns
    let first = rows.lowerBound * expectation.columns
    var tile = [Double](repeating: 0, count: count)
    var span = tile.mutableSpan
    expectation.form(rows: rows, into: &span)

    let step = 4096
    var base = [Double](repeating: 0, count: min(step, count))
    var merged = base
    var sums = ComparisonSums()
    for offset in stride(from: 0, to: count, by: step) {
      let length = min(step, count - offset)
      var baseSpan = base.mutableSpan
      expectation.base.copy(from: first + offset, count: length, into: &baseSpan)
      var mergedSpan = merged.mutableSpan
      found.copy(from: first + offset, count: length, into: &mergedSpan)
      sums.compare(
        base: base.span.extracting(0..<length),
        expected: tile.span.extracting(offset..<offset + length),
        found: merged.span.extracting(0..<length), as: format, first: first + offset)
    }
    return sums
  }
}
