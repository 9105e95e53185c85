/// Where the tokens of several sequences lie in one matrix of activations.
struct TokenLayout: Sendable {
  /// The ids of all sequences, one after the other.
  let ids: [Int]
  /// The rows of every sequence.
  let sequences: [Range<Int>]
  /// The position of every row in its sequence, from 0.
  let positions: [Int]
  /// Whether a row is no padding; nil if none is.
  let isVisible: [Bool]?
  /// The task of every sequence.
  let tasks: [Int]

  init(_ tokens: TokenSequences, tasks: [Int]) {
    ids = tokens.sequences.flatMap { $0 }
    positions = tokens.sequences.flatMap { Array($0.indices) }
    isVisible = tokens.masks.map { $0.flatMap { $0 } }
    self.tasks = tasks
    var sequences: [Range<Int>] = []
    for sequence in tokens.sequences {
      let start = sequences.last?.upperBound ?? 0
      sequences.append(start..<start + sequence.count)
    }
    self.sequences = sequences
  }

  /// Runs of rows of the same task.
  var groups: [(task: Int, rows: Range<Int>)] {
    Self.runs(tasks, zip(sequences, tasks).map { $0.0 })
  }

  /// Runs of sequences of the same task.
  var sequenceGroups: [(task: Int, rows: Range<Int>)] {
    Self.runs(tasks, tasks.indices.map { $0..<$0 + 1 })
  }

  private static func runs(
    _ tasks: [Int], _ ranges: [Range<Int>]
  ) -> [(task: Int, rows: Range<Int>)] {
    var runs: [(task: Int, rows: Range<Int>)] = []
    for (task, rows) in zip(tasks, ranges) {
      if let last = runs.last, last.task == task {
        runs[runs.count - 1].rows = last.rows.lowerBound..<rows.upperBound
      } else {
        runs.append((task, rows))
      }
    }
    return runs
  }
}
