import MopzBytes
import MopzTensors

/// Stage 3 of a verification: every record that an entry leads to.
///
/// - Specification: §9.5 of `spec/mopz.md`.
struct RecordsVerification: Sendable {
  /// A block of a task's table.
  struct Use: Sendable {
    var task: Int
    var block: Int
  }

  /// A stored block, once for all tasks that use it.
  struct Stored: Sendable {
    /// The first use.
    var use: Use
    var row: BlockRow
    /// The number of tasks that use the block.
    var taskCount = 0
    fileprivate var lastTask = -1
  }

  private(set) var violations: [FormatViolation] = []
  /// The tasks whose records are sound, in the order of the directory.
  private(set) var tasks: [MappedTask] = []
  /// The blocks that are not empty, by their offsets.
  private(set) var blocks: [UInt64: Stored] = [:]
  /// The blocks that are empty.
  private(set) var emptyBlocks: [Use] = []

  init(
    _ container: Container, _ entries: [(entry: CheckedEntry, name: String)],
    threads: WorkerThreads
  ) {
    let results = threads.map(entries.count) { index in
      let (entry, name) = entries[index]
      return Result { () throws(ContainerError) in
        try container.task(entry, name: name) { (validation) throws(ContainerError) in
          try validation.validate()
          try validation.validateUniqueness()
        }
      }
    }
    for result in results {
      switch result {
      case .success(let task): tasks.append(task)
      case .failure(.violation(let violation)): violations.append(violation)
      case .failure: break  // Looking at mapped bytes fails for no other reason.
      }
    }
    for index in tasks.indices { collectBlocks(ofTask: index) }
  }

  /// The stored blocks in the order of their offsets.
  var blocksInOrder: [Stored] { blocks.values.sorted { $0.row.offset < $1.row.offset } }

  /// BLK-7 on the way.
  private mutating func collectBlocks(ofTask index: Int) {
    let task = tasks[index]
    for block in 0..<task.blockCount {
      let row = task.reader.block(block)
      let use = Use(task: index, block: block)
      guard row.storedLength > 0 else {
        emptyBlocks.append(use)
        continue
      }
      var stored = blocks[row.offset] ?? Stored(use: use, row: row)
      if !isSame(stored.use, as: use) {
        violations.append(
          FormatViolation(rule: .blockAgreement, location: location(of: use)))
      }
      if stored.lastTask != index { stored.taskCount += 1 }
      stored.lastTask = index
      blocks[row.offset] = stored
    }
  }

  private func isSame(_ a: Use, as b: Use) -> Bool {
    let (first, second) = (tasks[a.task], tasks[b.task])
    var (p, q) = (first.reader.block(a.block), second.reader.block(b.block))
    for position in 0..<min(p.dimensionCount, q.dimensionCount) {
      guard
        first.reader.dimension(Int(p.firstDimension) + Int(position))
          == second.reader.dimension(Int(q.firstDimension) + Int(position))
      else { return false }
    }
    (p.firstDimension, q.firstDimension) = (0, 0)
    return p == q
  }

  /// Where a block is, for a person: its task, and the first tensor that it is.
  func location(of use: Use) -> FormatLocation {
    let task = tasks[use.task]
    for index in 0..<task.tensorCount {
      let row = task.reader.sourceTensor(index)
      if row.contentKind == SourceTensorRow.blockContent, Int(row.content) == use.block {
        return .tensor(task: task.name, name: task.reader.string(row.name))
      }
    }
    return .block(task: task.name, index: use.block)
  }
}
