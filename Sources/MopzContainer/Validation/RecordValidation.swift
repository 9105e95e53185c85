import MopzBytes
import MopzDigest

/// The checks of a lookup: afterwards nothing about a task's structure can fail.
///
/// Works over the mapped tables without an allocation per element. Its parts, in
/// files of their own, follow the order of §9.5.
///
/// - Specification: §5.4, §5.5 and §8 of `spec/mopz.md`.
struct RecordValidation: ~Escapable {
  let record: RecordReader
  let task: String
  let entry: TaskEntry
  let committedLength: Int
  let features: RequiredFeatures
  let checksReserved: Bool

  @_lifetime(copy record)
  init(
    _ record: consuming RecordReader, task: String, entry: TaskEntry, committedLength: Int,
    features: RequiredFeatures, checksReserved: Bool
  ) {
    self.record = record
    self.task = task
    self.entry = entry
    self.committedLength = committedLength
    self.features = features
    self.checksReserved = checksReserved
  }

  /// The layout of a record whose frame is sound.
  ///
  /// - Throws: ``ContainerError`` REC-1, REC-2, LIM-3 or REC-3.
  static func layout(
    of record: RawSpan, entry: TaskEntry, task: String, checksReserved: Bool
  ) throws(ContainerError) -> RecordLayout {
    let location = FormatLocation.task(task)
    let hash = XXH3.hash128(record)
    guard hash == entry.recordHash else {
      throw .violation(.recordHash, location, .digests(expected: entry.recordHash, found: hash))
    }
    let header = RecordHeader(parsing: record, at: 0)
    guard header.magic == FormatConstants.recordMagic, header.recordLength == entry.recordLength
    else {
      throw .violation(
        .recordHeader, location,
        .mismatch(expected: entry.recordLength, found: header.recordLength))
    }
    var counts = [16 of UInt32](repeating: 0)
    for section in RecordSection.allCases {
      let offset = RecordLayout.sectionTableOffset + 8 * section.rawValue
      counts[section.rawValue] = record.u32(offset + 4)
    }
    let tensors = counts[RecordSection.sourceTensors.rawValue]
    guard tensors <= Limits.sourceTensorCount else {
      throw .violation(
        .tensorLimit, location,
        .exceeds(UInt64(tensors), limit: UInt64(Limits.sourceTensorCount)))
    }
    guard let layout = RecordLayout(counts: counts), layout.byteCount == record.byteCount,
      counts[RecordSection.reserved.rawValue] == 0 || !checksReserved
    else { throw .violation(.sectionTable, location) }
    for section in RecordSection.allCases {
      let offset = RecordLayout.sectionTableOffset + 8 * section.rawValue
      guard record.u32(offset) == layout.offset(section) else {
        throw .violation(
          .sectionTable, .row(task: task, section: section, index: 0),
          .mismatch(expected: UInt64(layout.offset(section)), found: UInt64(record.u32(offset))))
      }
    }
    return layout
  }

  /// All checks after the frame.
  ///
  /// - Throws: ``ContainerError``: the first rule that is broken.
  /// - Complexity: O(length of the record).
  func validate() throws(ContainerError) {
    try validateReserved()
    try validateStrings()
    try validateBlocks()
    try validateFiles()
    let vectorCounts = try validatePools()
    try validateFactors(vectorCounts: vectorCounts)
    try validateSourceTensors()
    try validateNameOrder()
    try validateTerms()
    try validateTargets()
    try validateTotals()
  }

  /// The block of an index that a row holds, if there is one.
  @inline(__always)
  func block(_ index: UInt32) -> BlockRow? {
    index < record.count(.blocks) ? record.block(Int(index)) : nil
  }

  /// The product of dimensions, or nil if the non-zero ones do not fit `Int`.
  ///
  /// - Precondition: The dimensions lie within their section.
  @inline(__always)
  func elementCount(first: UInt32, count: UInt8) -> UInt64? {
    var product: UInt64 = 1
    var hasZero = false
    for index in Int(first)..<(Int(first) + Int(count)) {
      let dimension = record.dimension(index)
      if dimension == 0 {
        hasZero = true
        continue
      }
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      guard !overflow, next <= UInt64(Int.max) else { return nil }
      product = next
    }
    return hasZero ? 0 : product
  }

  /// The number of elements of a block that has been validated.
  @inline(__always)
  func elementCount(of block: BlockRow) -> UInt64 {
    elementCount(first: block.firstDimension, count: block.dimensionCount) ?? 0
  }

  /// A block with at least one dimension as `[first dimension, product of the others]`.
  @inline(__always)
  func matrix(of block: BlockRow) -> (rows: UInt64, columns: UInt64) {
    let first = block.firstDimension
    let columns = elementCount(first: first + 1, count: block.dimensionCount - 1) ?? 0
    return (record.dimension(Int(first)), columns)
  }

  /// An error about a row.
  func error(
    _ rule: FormatRule, _ section: RecordSection, _ index: Int,
    _ detail: FormatViolation.Detail = .none
  ) -> ContainerError {
    .violation(rule, .row(task: task, section: section, index: index), detail)
  }
}
