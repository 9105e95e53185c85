import MopzBytes

extension RecordValidation {
  /// REC-4: reserved bytes and padding.
  func validateReserved() throws(ContainerError) {
    guard checksReserved else { return }
    var end = RecordLayout.headerByteCount
    for section in RecordSection.allCases {
      try requireZero(end..<record.layout.offset(section))
      end = record.layout.offset(section) + record.count(section) * section.elementByteCount
    }
    try requireZero(end..<record.bytes.byteCount)
    guard RecordHeader.reservedIsZero(in: record.bytes, at: 0) else {
      throw .violation(.recordReserved, .task(task))
    }
    try validateReserved(FileRow.self, .files)
    try validateReserved(SourceTensorRow.self, .sourceTensors)
    try validateReserved(TargetRow.self, .targets)
    try validateReserved(TermRow.self, .terms)
    try validateReserved(FactorRow.self, .factors)
    try validateReserved(PoolRangeRow.self, .poolRanges)
    try validateReserved(OperandRow.self, .operands)
    try validateReserved(ScalarRow.self, .scalars)
  }

  private func requireZero(_ range: Range<Int>) throws(ContainerError) {
    guard record.bytes.extracting(range).isAllZero else {
      throw .violation(
        .recordReserved, .task(task),
        .bytes(offset: entry.recordOffset + UInt64(range.lowerBound), count: UInt64(range.count)))
    }
  }

  private func validateReserved<Row: FixedLayout>(
    _ type: Row.Type, _ section: RecordSection
  ) throws(ContainerError) {
    for index in 0..<record.count(section) {
      guard Row.reservedIsZero(in: record.bytes, at: record.offset(section, index)) else {
        throw error(.recordReserved, section, index)
      }
    }
  }

  /// REC-5 and REC-6.
  func validateStrings() throws(ContainerError) {
    let start = record.layout.offset(.strings)
    let heap = record.bytes.extracting(start..<(start + record.count(.strings)))
    guard heap.isUTF8 else { throw .violation(.recordStrings, .task(task)) }
    let kind = record.header.kind
    guard heap.holds(kind) else { throw .violation(.recordStrings, .task(task)) }
    for index in 0..<record.count(.files) where !heap.holds(record.file(index).name) {
      throw error(.recordStrings, .files, index)
    }
    for index in 0..<record.count(.sourceTensors) where !heap.holds(record.sourceTensor(index).name)
    {
      throw error(.recordStrings, .sourceTensors, index)
    }
    for index in 0..<record.count(.metadata) {
      let pair = record.metadata(index)
      guard heap.holds(pair.key), heap.holds(pair.value) else {
        throw error(.recordStrings, .metadata, index)
      }
    }
    for index in 0..<record.count(.targets) {
      let target = record.target(index)
      guard heap.holds(target.module), heap.holds(target.parameter) else {
        throw error(.recordStrings, .targets, index)
      }
    }
    for index in 0..<record.count(.properties) {
      let pair = record.property(index)
      guard heap.holds(pair.key), heap.holds(pair.value) else {
        throw error(.recordStrings, .properties, index)
      }
    }
    guard record.utf8(kind).isKindTag else { throw .violation(.recordKind, .task(task)) }
  }

  /// REC-7: the totals of the record, and the entry's copy of them.
  func validateTotals() throws(ContainerError) {
    var rankMax: UInt32 = 0
    for index in 0..<record.count(.terms) {
      rankMax = max(rankMax, record.factor(Int(record.term(index).down)).rank)
    }
    try requireTotal(UInt64(rankMax), UInt64(record.header.rankMax), UInt64(entry.rankMax))
    var parameters: UInt64 = 0
    var isCarried = false
    for index in 0..<record.count(.sourceTensors) {
      let tensor = record.sourceTensor(index)
      let count = elementCount(first: tensor.firstDimension, count: tensor.dimensionCount) ?? 0
      parameters = parameters.addingReportingOverflow(count).partialValue
      isCarried = isCarried || tensor.disposition == 2
    }
    try requireTotal(parameters, record.header.parameterCount, entry.parameterCount)
    let targets = UInt64(record.count(.targets))
    try requireTotal(targets, targets, UInt64(entry.targetCount))
    var referenced: UInt64 = 0
    for index in 0..<record.count(.blocks) {
      referenced = referenced.addingReportingOverflow(record.block(index).storedLength).partialValue
    }
    try requireTotal(referenced, referenced, entry.referencedBytes)
    let flag = UInt64(entry.flags & TaskEntry.opaqueFlag)
    try requireTotal(isCarried ? 1 : 0, flag, flag)
  }

  private func requireTotal(
    _ expected: UInt64, _ inRecord: UInt64, _ inEntry: UInt64
  ) throws(ContainerError) {
    guard inRecord == expected, inEntry == expected else {
      throw .violation(
        .recordTotals, .task(task),
        .mismatch(expected: expected, found: inRecord == expected ? inEntry : inRecord))
    }
  }
}

extension RawSpan {
  /// Whether a string lies in this heap of UTF-8, between characters.
  @inline(__always)
  func holds(_ reference: StringReference) -> Bool {
    let end = UInt64(reference.offset) + UInt64(reference.length)
    guard end <= UInt64(byteCount) else { return false }
    return isBoundary(Int(reference.offset)) && isBoundary(Int(end))
  }

  @inline(__always)
  private func isBoundary(_ offset: Int) -> Bool {
    offset == byteCount || u8(offset) & 0xC0 != 0x80
  }

  /// Whether the bytes are UTF-8; fast where they are ASCII.
  var isUTF8: Bool {
    var offset = 0
    while offset + 8 <= byteCount, u64(offset) & 0x8080_8080_8080_8080 == 0 { offset += 8 }
    // What follows the last ASCII byte that was looked at starts at a character.
    return offset == byteCount || extracting(offset..<byteCount).text != nil
  }

  /// Whether the bytes are words of a to z and 0 to 9, joined by single hyphens, 1 to 63 bytes.
  var isKindTag: Bool {
    guard byteCount >= 1, byteCount <= Limits.kindByteCount else { return false }
    var afterHyphen = true
    for offset in 0..<byteCount {
      switch u8(offset) {
      case 0x61...0x7A, 0x30...0x39: afterHyphen = false
      case 0x2D where !afterHyphen: afterHyphen = true
      default: return false
      }
    }
    return !afterHyphen
  }
}
