import MopzAdapters
import MopzBytes
import MopzTensors

/// Stage 7 of a verification: whether a valid file is also canonical.
///
/// - Specification: §11 of `spec/mopz.md`.
struct CanonicalVerification {
  private(set) var violations: [FormatViolation] = []
  private let container: Container
  private let records: RecordsVerification

  init(
    _ container: Container, records: RecordsVerification, segments: [SegmentReference],
    hasDeadExtents: Bool, threads: WorkerThreads
  ) {
    self.container = container
    self.records = records
    checkCommit(hasDeadExtents: hasDeadExtents)
    checkFeatures()
    if segments.count != (records.blocks.isEmpty ? 0 : 1) { append(.canonicalIndex, .file) }
    let areStringsInOrder = threads.map(records.tasks.count) {
      records.tasks[$0].reader.hasCanonicalStrings
    }
    for (task, isInOrder) in zip(records.tasks, areStringsInOrder) where !isInOrder {
      append(.canonicalStrings, .task(task.name))
    }
    violations += threads.map(records.tasks.count) {
      Self.violation(ofTables: records.tasks[$0], areStringsInOrder: areStringsInOrder[$0])
    }.compactMap(\.self)
    checkSharing()
    checkExtents()
    checkOrder(segments)
    for task in records.tasks { checkHeaders(of: task) }
  }

  private mutating func append(_ rule: FormatRule, _ location: FormatLocation) {
    violations.append(FormatViolation(rule: rule, location: location))
  }

  /// CAN-1.
  private mutating func checkCommit(hasDeadExtents: Bool) {
    let container = container
    let slotB = FormatConstants.slotOffsets.b
    let page = container.bytes.span.extracting(slotB..<(slotB + FormatConstants.pageByteCount))
    let isUnused = page.isAllZero
    let isFirst =
      container.generation == 1 && isUnused && !hasDeadExtents
      && container.committedByteCount == container.fileByteCount
    if !isFirst { append(.canonicalCommit, .file) }
  }

  /// CAN-2.
  private mutating func checkFeatures() {
    var needed = RequiredFeatures()
    for block in records.blocks.values {
      let info = records.tasks[block.use.task].blockInfo(at: block.use.block)
      needed.formUnion(info.codec.features(info.dtype, storedAs: info.storedDType))
    }
    if container.slot.requiredFeatures != needed.rawValue || container.slot.ignorableFeatures != 0 {
      append(.canonicalFeatures, .file)
    }
  }

  /// CAN-5: the tables are encoded again and compared, which says no more if the strings differ.
  private static func violation(
    ofTables task: MappedTask, areStringsInOrder: Bool
  ) -> FormatViolation? {
    let violation = FormatViolation(rule: .canonicalBlocks, location: .task(task.name))
    let tables = task.tables
    let reader = task.reader
    let rows = (0..<task.blockCount).map { reader.block($0) }
    let stored = (0..<task.blockCount).map { index in
      (block: StoredBlock(task.blockInfo(at: index), rows[index]), offset: Int(rows[index].offset))
    }
    guard let uses = try? BlockUses(tables), uses.order == Array(0..<task.blockCount),
      Set(rows.map(\.contentHash)).count == rows.count
    else { return violation }
    guard areStringsInOrder else { return nil }
    guard
      var again = try? RecordEncoder.tables(
        of: tables, blocks: stored, blockPlaces: Array(0..<task.blockCount)),
      let layout = again.layout
    else { return violation }
    for (index, row) in rows.enumerated() {
      again.blocks[index].offset = row.offset
      again.blocks[index].storedLength = row.storedLength
    }
    let encoded = again.encoded(layout)
    return encoded.span.hasSameBytes(as: task.record.span) ? nil : violation
  }

  /// CAN-6.
  private mutating func checkSharing() {
    let groups = Dictionary(grouping: records.blocksInOrder) { $0.row.contentHash }
    for group in groups.values where group.count > 1 {
      let first = records.tasks[group[0].use.task]
      for other in group.dropFirst() {
        let second = records.tasks[other.use.task]
        guard let a = try? first.tensor(ofBlock: group[0].use.block),
          let b = try? second.tensor(ofBlock: other.use.block)
        else { continue }
        let (p, q) = (a.bytes, b.bytes)
        if p.span.hasSameBytes(as: q.span) {
          append(.canonicalSharing, records.location(of: other.use))
        }
      }
    }
  }

  /// CAN-7.
  private mutating func checkExtents() {
    for task in records.tasks {
      var start = UInt64.max
      var end: UInt64 = 0
      for row in storedRows(of: task) where records.blocks[row.offset]?.taskCount == 1 {
        start = min(start, row.offset)
        end = max(end, row.offset + row.storedLength)
      }
      if end == 0 { start = 0 }
      if task.entry.privateOffset != start || task.entry.privateLength != end - start {
        append(.canonicalExtents, .task(task.name))
      }
    }
  }

  private func storedRows(of task: MappedTask) -> [BlockRow] {
    (0..<task.blockCount).map { task.reader.block($0) }.filter { $0.storedLength > 0 }
  }

  /// CAN-8.
  private mutating func checkOrder(_ segments: [SegmentReference]) {
    var shared: [UInt64] = []
    var own: [UInt64] = []
    var isSeen: Set<UInt64> = []
    for task in records.tasks {
      for row in storedRows(of: task) {
        if records.blocks[row.offset]?.taskCount == 1 {
          own.append(row.offset)
        } else if isSeen.insert(row.offset).inserted {
          shared.append(row.offset)
        }
      }
    }
    let expected =
      shared + own + records.tasks.map(\.entry.recordOffset) + segments.map(\.offset).sorted()
      + [container.slot.directoryOffset]
    if zip(expected, expected.dropFirst()).contains(where: { $0 >= $1 }) {
      append(.canonicalOrder, .file)
    }
  }

  /// CAN-9.
  private mutating func checkHeaders(of task: MappedTask) {
    for (index, file) in task.files.enumerated() where file.headerForm == .stored {
      guard let block = file.block, let header = try? task.tensor(ofBlock: block) else { continue }
      let standard = TaskHeader(task, file).bytes
      let bytes = header.bytes
      if bytes.span.hasSameBytes(as: standard.span.rawBytes) {
        append(.canonicalHeader, .row(task: task.name, section: .files, index: index))
      }
    }
  }
}

extension StoredBlock {
  /// A block of a container, for its facts alone: the bytes are not there.
  fileprivate init(_ info: BlockInfo, _ row: BlockRow) {
    dtype = info.dtype
    shape = info.shape
    codec = info.codec
    storedDType = info.storedDType
    bytes = .empty
    logicalByteCount = info.logicalByteCount
    contentHash = row.contentHash
    storedHash = row.storedHash
  }
}
