public import MopzBytes
package import MopzLinearAlgebra

/// A model that can be run: what it computes, and the variants whose weights it uses.
///
/// ```swift
/// let base = try Checkpoint(opening: "base")
/// let model = ForwardModel(try ModelDescription(of: base), [ModelVariant(base)])
/// let logits = try model.outputs(for: tokens)
/// ```
///
/// Everything is computed in Float32. The results do not depend on the number of threads.
public struct ForwardModel: Sendable {
  /// What the model computes.
  public let description: ModelDescription
  /// One variant for each task.
  public let variants: [ModelVariant]
  /// What multiplies by the weights; nil for OpenBLAS.
  package var splitProduct: SplitProduct? = .fastest

  /// Makes a model of its parts.
  ///
  /// - Precondition: There is a variant.
  public init(_ description: ModelDescription, _ variants: [ModelVariant]) {
    precondition(!variants.isEmpty)
    self.description = description
    self.variants = variants
  }

  /// Works out all outputs: logits or hidden states, one row per token or sequence.
  ///
  /// - Parameters:
  ///   - tokens: The sequences, any lengths.
  ///   - tasks: The variant of every sequence; the first for all if it is nil.
  /// - Throws: ``ForwardError``.
  /// - Complexity: Memory for all outputs at once, so for small models or inputs.
  public func outputs(
    for tokens: TokenSequences, tasks: [Int]? = nil, threads: WorkerThreads = .all
  ) throws(ForwardError) -> [[Float]] {
    var rows: [[Float]] = []
    try forEachOutput(for: tokens, tasks: tasks, threads: threads) { _, row in
      rows.append(row.indices.map { row[$0] })
    }
    return rows
  }

  /// Works out all outputs and lends them row by row, in their order.
  ///
  /// - Parameter body: Receives the number of the row, and its outputs.
  /// - Throws: ``ForwardError``.
  /// - Complexity: Memory for the hidden states, and for the outputs of some rows.
  public func forEachOutput(
    for tokens: TokenSequences, tasks: [Int]? = nil, threads: WorkerThreads = .all,
    _ body: (_ row: Int, _ outputs: Span<Float>) -> Void
  ) throws(ForwardError) {
    do { try tokens.validate(for: description) } catch { throw .tokens(error) }
    let tasks = tasks ?? tokens.sequences.map { _ in 0 }
    precondition(tasks.count == tokens.sequences.count)
    precondition(tasks.allSatisfy(variants.indices.contains))
    // Our own threads share out the work; the library's would change the sums.
    MatrixProduct.setThreadCount(1)
    var pass = try ForwardPass(
      description, variants, layout: TokenLayout(tokens, tasks: tasks), longest: tokens.longest,
      engine: Engine(threads: threads, splitProduct: splitProduct))
    for _ in description.blocks { try pass.advance() }
    let outputs = try pass.finished()
    let length = min(outputs.blockLength, outputs.rows)
    let buffer = Activations(rows: length, columns: outputs.columns)
    for first in stride(from: 0, to: outputs.rows, by: length) {
      let range = first..<min(first + length, outputs.rows)
      outputs.write(range, into: buffer)
      for index in 0..<range.count { body(first + index, buffer.row(index)) }
    }
  }
}
