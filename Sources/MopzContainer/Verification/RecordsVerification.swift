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
    private var lastTask = -1
    private let dimensions: [8 of UInt64]

    init(use: Use, row: BlockRow, dimensions: [8 of UInt64]) {
      self.use = use
      self.row = row
      self.dimensions = dimensions
    }

    /// Counts a use, and says whether it agrees with the first one.
    fileprivate mutating func count(
      _ next: Use, _ other: BlockRow, _ otherDimensions: [8 of UInt64]
    ) -> Bool {
      if next.task != lastTask { taskCount += 1 }
      lastTask = next.task
      for position in dimensions.indices where dimensions[position] != otherDimensions[position] {
        return false
      }
      var other = other
      other.firstDimension = row.firstDimension
      return other == row
    }
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
    let reader = task.reader
    for block in 0..<task.blockCount {
      let row = reader.block(block)
      let use = Use(task: index, block: block)
      guard row.storedLength > 0 else {
        emptyBlocks.append(use)
        continue
      }
      var dimensions = [8 of UInt64](repeating: 0)
      for position in 0..<Int(row.dimensionCount) {
        dimensions[position] = reader.dimension(Int(row.firstDimension) + position)
      }
      let isSame = blocks[
        row.offset, default: Stored(use: use, row: row, dimensions: dimensions)
      ].count(use, row, dimensions)
      if !isSame {
        violations.append(
          FormatViolation(rule: .blockAgreement, location: location(of: use)))
      }
    }
  }

  /// Where a block is, for a person: its task, and the first thing that it is there.
  func location(of use: Use) -> FormatLocation { tasks[use.task].location(ofBlock: use.block) }

  /// The tasks that use blocks, by the blocks' offsets.
  ///
  /// - Complexity: O(blocks of all records).
  func users(ofBlocksAt offsets: Set<UInt64>) -> [UInt64: [Int]] {
    var users: [UInt64: [Int]] = [:]
    guard !offsets.isEmpty else { return users }
    for index in tasks.indices {
      for block in 0..<tasks[index].blockCount {
        let row = tasks[index].reader.block(block)
        guard row.storedLength > 0, offsets.contains(row.offset),
          users[row.offset]?.last != index
        else { continue }
        users[row.offset, default: []].append(index)
      }
    }
    return users
  }
}
