import MopzAdapters
import MopzBytes
import MopzTensors

/// What a task's tables say inside blocks: index tables, the base record, stored headers.
///
/// Blocks that are damaged are not looked into.
///
/// - Specification: §9.5 of `spec/mopz.md`, stage 4.
struct TaskContents {
  private(set) var violations: [FormatViolation] = []
  private let task: MappedTask
  private let damagedOffsets: Set<UInt64>

  init(_ task: MappedTask, damagedOffsets: Set<UInt64>) {
    self.task = task
    self.damagedOffsets = damagedOffsets
    for index in 0..<task.layout.count(.factors) { checkIndices(ofFactor: index) }
    checkBaseRecord()
    let storesHeader = (0..<task.layout.count(.files)).contains { index in
      task.reader.file(index).headerForm == SourceFile.HeaderForm.stored.rawValue
    }
    guard storesHeader else { return }
    for (index, file) in task.files.enumerated() where file.headerForm == .stored {
      checkHeader(of: file, at: index)
    }
  }

  /// Whether a block's hashes agree.
  private func isWhole(_ index: Int) -> Bool {
    let row = task.reader.block(index)
    return row.storedLength == 0 || !damagedOffsets.contains(row.offset)
  }

  /// The bytes of a block that is whole; none if they are coded and absurdly many.
  private func text(ofBlock index: Int) -> Bytes? {
    guard isWhole(index) else { return nil }
    let info = task.blockInfo(at: index)
    guard info.codec == .raw || info.logicalByteCount <= Limits.recordByteCount else {
      return .empty
    }
    return try? task.tensor(ofBlock: index).bytes
  }

  /// FAC-14.
  private mutating func checkIndices(ofFactor index: Int) {
    let row = task.reader.factor(index)
    let block = Int(row.indexBlock)
    guard row.indexKind == FactorRow.IndexKind.explicit.rawValue, isWhole(block) else { return }
    let info = task.blockInfo(at: block)
    let count = UInt64(task.pool(at: Int(row.pool)).vectorCount)
    // Tile by tile, since a coded table may be far larger than the file.
    guard
      let decoder = try? BlockDecoder(
        info, stored: task.storedBytes(ofBlock: block), .block(task: task.name, index: block))
    else { return }
    while decoder.remainingElementCount > 0, let tile = try? decoder.nextTile() {
      let span = tile.span
      for position in 0..<(tile.count / (info.dtype.bitCount / 8)) {
        let value = span.indexValue(at: position, bitCount: info.dtype.bitCount)
        if let value, value >= count {
          violations.append(
            FormatViolation(
              rule: .indexValues,
              location: .row(task: task.name, section: .factors, index: index),
              detail: .exceeds(value, limit: count)))
          return
        }
      }
    }
  }

  /// BAS-2, BAS-3 and LIM-4.
  private mutating func checkBaseRecord() {
    let index = task.reader.header.baseBlock
    guard index != FormatConstants.none, let bytes = text(ofBlock: Int(index)) else { return }
    if let rule = BaseRecordRules.violated(by: bytes.span) {
      violations.append(
        FormatViolation(rule: rule, location: .block(task: task.name, index: Int(index))))
    }
  }

  /// SRC-12.
  private mutating func checkHeader(of file: SourceFile, at index: Int) {
    guard let block = file.block, let bytes = text(ofBlock: block) else { return }
    let expected = TaskHeader(task, file)
    if !expected.isEquivalent(to: bytes.span) {
      violations.append(
        FormatViolation(
          rule: .storedHeader, location: .row(task: task.name, section: .files, index: index)))
    }
  }
}

extension RawSpan {
  /// A value of an index table as an unsigned number, or nil for the zero shard.
  func indexValue(at position: Int, bitCount: Int) -> UInt64? {
    switch bitCount {
    case 8: u8(position) == .max ? nil : UInt64(u8(position))
    case 16: u16(2 * position) == .max ? nil : UInt64(u16(2 * position))
    case 32: u32(4 * position) == .max ? nil : UInt64(u32(4 * position))
    default: u64(8 * position) == .max ? nil : u64(8 * position)
    }
  }
}
