public import MopzBytes

extension ForwardModel {
  /// The mean loss over all next-token predictions, in nats; nil if there are none.
  ///
  /// - Parameters:
  ///   - tokens: The sequences, any lengths.
  ///   - variant: The number of the variant that runs.
  /// - Throws: ``ForwardError``.
  /// - Complexity: One forward pass; memory for the hidden states, and for some rows of logits.
  public func meanLoss(
    on tokens: TokenSequences, variant: Int = 0, threads: WorkerThreads = .all
  ) throws(ForwardError) -> Double? {
    guard case .vocabulary = description.head else { return nil }
    // The token that follows each, row by row.
    let followers = tokens.sequences.enumerated().flatMap { number, sequence in
      sequence.indices.map { place -> Int? in
        let mask = tokens.masks?[number]
        guard place + 1 < sequence.count, mask?[place] != false, mask?[place + 1] != false else {
          return nil
        }
        return sequence[place + 1]
      }
    }
    var (sum, count) = (0.0, 0)
    try forEachOutput(
      for: tokens, tasks: tokens.sequences.map { _ in variant }, threads: threads
    ) { row, logits in
      guard let next = followers[row] else { return }
      sum += LogSum(logits).value - Double(logits[next])
      count += 1
    }
    return count > 0 ? sum / Double(count) : nil
  }
}
