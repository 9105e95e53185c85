import MopzAdapters
import MopzBytes
import MopzDigest

extension ContainerPlan {
  /// A task whose blocks have been found in the table or added to it.
  static func task(_ content: TaskContent, index: Int, in table: inout BlockTable) -> Task {
    var places = [Int](repeating: -1, count: content.adapter.blocks.count)
    var blocks: [Int] = []
    var placeOfEntry: [Int: Int] = [:]
    for (block, source) in zip(content.blocks, content.order) {
      let entry = table.use(block, byTask: index)
      let place = placeOfEntry[entry] ?? blocks.count
      if place == blocks.count {
        placeOfEntry[entry] = place
        blocks.append(entry)
      }
      places[source] = place
    }
    return Task(
      adapter: content.adapter, blocks: blocks, blockPlaces: places, privateRange: 0..<0)
  }

  /// Gives every new block its offset: shared ones, then the private ones of each task.
  ///
  /// - Returns: The end of the last block.
  /// - Specification: §11 of `spec/mopz.md`, CAN-7 and CAN-8.
  static func place(
    _ tasks: inout [Task], in table: inout BlockTable, from start: Int
  ) -> Int {
    var position = start
    var isPlaced = table.entries.map(\.isStored)
    for task in tasks {
      for block in task.blocks where table.entries[block].taskCount > 1 && !isPlaced[block] {
        isPlaced[block] = true
        guard table.entries[block].block.bytes.count > 0 else { continue }
        position = table.place(block, from: position)
      }
    }
    for index in tasks.indices {
      var start: Int?
      for block in tasks[index].blocks
      where table.entries[block].taskCount == 1 && !table.entries[block].isStored {
        guard table.entries[block].block.bytes.count > 0 else { continue }
        position = table.place(block, from: position)
        start = start ?? table.entries[block].offset
      }
      if let start { tasks[index].privateRange = start..<position }
    }
    return position
  }

  /// A task's record.
  ///
  /// - Throws: ``ContainerError`` if a number exceeds its field, or LIM-2.
  func record(
    of task: Task
  ) throws(ContainerError) -> (tables: RecordTables, layout: RecordLayout, bytes: Bytes) {
    let tables = try RecordEncoder.tables(
      of: task.adapter,
      blocks: task.blocks.map { (blocks[$0].block, blocks[$0].offset) },
      blockPlaces: task.blockPlaces)
    guard let layout = tables.layout else {
      throw .violation(.recordLimit, .task(task.adapter.name))
    }
    return (tables, layout, tables.encoded(layout))
  }

  /// A task's entry but the record's offset; the record is checked as a lookup would.
  func entry(of task: Task) throws(ContainerError) -> TaskEntry {
    let (tables, layout, bytes) = try record(of: task)
    var entry = TaskEntry()
    let isCarried = task.adapter.sourceTensors.contains { $0.disposition == .carried }
    entry.flags = isCarried ? TaskEntry.opaqueFlag : 0
    entry.recordLength = UInt64(bytes.count)
    entry.recordHash = XXH3.hash128(bytes.span)
    if !task.privateRange.isEmpty {
      entry.privateOffset = UInt64(task.privateRange.lowerBound)
      entry.privateLength = UInt64(task.privateRange.count)
    }
    entry.referencedBytes = tables.blocks.reduce(0) { $0 + $1.storedLength }
    entry.rankMax = tables.rankMax
    entry.targetCount = UInt32(clamping: tables.targets.count)
    entry.parameterCount = tables.parameterCount
    let validation = RecordValidation(
      RecordReader(bytes.span, layout: layout), task: task.adapter.name, entry: entry,
      committedLength: committedByteCount, features: features, checksReserved: true)
    try validation.validate()
    try validation.validateUniqueness()
    try BlockContentRules.validate(task.adapter)
    return entry
  }
}
