import MopzBytes
import MopzLinearAlgebra

/// The part of attention between its layers.
///
///     out[i] = Σ_j softmax_j( cap(scale · q[i] · k[j]) ) · v[j]     over the j that i sees
///
/// Queries are taken in blocks, and scores are kept for one block of one head at a time: memory
/// grows with the length, not with its square.
struct AttentionProducts: Sendable {
  /// The number of queries of a block.
  ///
  /// Sums do not depend on it.
  static let blockLength = 128

  let attention: ModelDescription.Attention
  let isCausal: Bool
  /// The rows of every sequence.
  let sequences: [Range<Int>]
  /// Whether a row may be seen; nil if all may.
  let isVisible: [Bool]?

  private struct Piece {
    let sequence: Range<Int>
    let head: Int
    let queries: Range<Int>
  }

  /// - Parameters:
  ///   - x: Queries, keys and values side by side.
  ///   - result: `[rows, headCount · headSize]`.
  func run(_ x: Activations, into result: Activations, on engine: Engine) {
    var pieces: [Piece] = []
    for sequence in sequences {
      for first in stride(from: sequence.lowerBound, to: sequence.upperBound, by: Self.blockLength)
      {
        let queries = first..<min(first + Self.blockLength, sequence.upperBound)
        for head in 0..<attention.headCount {
          pieces.append(Piece(sequence: sequence, head: head, queries: queries))
        }
      }
    }
    let work = pieces
    _ = engine.threads.map(work.count) { run(work[$0], x, result, engine) }
  }

  /// The keys that some query of the block sees.
  private func keys(of piece: Piece) -> Range<Int> {
    var keys = piece.sequence
    if isCausal { keys = keys.lowerBound..<piece.queries.upperBound }
    if let window = attention.window {
      let first = piece.queries.lowerBound - window + 1
      keys = max(keys.lowerBound, first)..<keys.upperBound
      if !isCausal { keys = keys.lowerBound..<min(keys.upperBound, piece.queries.upperBound) }
    }
    return keys
  }

  private func run(_ piece: Piece, _ x: Activations, _ result: Activations, _ engine: Engine) {
    let size = attention.headSize
    let keyHead = piece.head / (attention.headCount / attention.keyHeadCount)
    let keyStart = attention.headCount * size + keyHead * size
    let valueStart = keyStart + attention.keyHeadCount * size
    let keys = keys(of: piece)
    let own = piece.head * size..<(piece.head + 1) * size
    engine.scratch.withScratch(rows: piece.queries.count, columns: keys.count) { scores in
      var target = scores.mutableBlock(rows: 0..<scores.rows, columns: 0..<scores.columns)
      MatrixProduct.multiply(
        x.matrix(rows: piece.queries, columns: own),
        x.matrix(rows: keys, columns: keyStart..<keyStart + size).transposed, into: &target)
      for (index, query) in piece.queries.enumerated() {
        weigh(scores, row: index, query: query, keys: keys)
      }
      var output = result.mutableBlock(rows: piece.queries, columns: own)
      MatrixProduct.multiply(
        scores.matrix(rows: 0..<scores.rows, columns: 0..<scores.columns),
        x.matrix(rows: keys, columns: valueStart..<valueStart + size), into: &output,
        rowStride: result.rowStride)
    }
  }

  /// Turns the scores of a query into weights whose sum is 1.
  private func weigh(_ scores: Activations, row: Int, query: Int, keys: Range<Int>) {
    var values = scores.mutableRow(row)
    var first = keys.lowerBound
    if let window = attention.window { first = max(first, query - window + 1) }
    let end = isCausal ? query + 1 : keys.upperBound
    let seen = first - keys.lowerBound..<end - keys.lowerBound
    for i in 0..<seen.lowerBound { values[i] = 0 }
    for i in seen.upperBound..<values.count { values[i] = 0 }
    var scores = values._mutatingExtracting(seen)
    var scale = attention.scale
    if let cap = attention.softcap {
      ElementaryKernel.best.apply(.tanh(slope: scale / cap), to: &scores)
      scale = cap
    }
    if let isVisible {
      for i in seen where !isVisible[keys.lowerBound + i] {
        scores[i - seen.lowerBound] = -.infinity
      }
    }
    // A row that sees nothing at all gets no values.
    ElementaryKernel.best.softmax(&scores, scale: scale)
  }
}
