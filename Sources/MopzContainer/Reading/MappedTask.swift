public import MopzAdapters
import MopzBytes
public import MopzDigest
import MopzTensors

/// One task of a container, looked up: its tables are valid, its tensors lie mapped.
///
/// Nothing is read but the record; strings and shapes are made when they are asked
/// for. Tensors that are stored as they are cost nothing until they are touched;
/// coded ones, and those that are assembled from a pool, are made in memory on
/// request. The hashes of blocks are not checked unless ``verifyBlocks()`` is called.
///
/// ```swift
/// let task = try container.task(named: "support-de")
/// if let index = task.index(ofTensor: name), let view = task.view(at: index) {
///   use(view.bytes)
/// }
/// ```
///
/// - Specification: §5.4 of `spec/mopz.md`.
public struct MappedTask: Sendable {
  /// The task's name.
  public let name: String
  /// The whole file.
  let file: Bytes
  /// The record.
  let record: Bytes
  let layout: RecordLayout
  let entry: TaskEntry

  init(name: String, file: Bytes, record: Bytes, layout: RecordLayout, entry: TaskEntry) {
    self.name = name
    self.file = file
    self.record = record
    self.layout = layout
    self.entry = entry
  }

  /// The record's tables.
  var reader: RecordReader {
    @_lifetime(borrow self)
    get { RecordReader(record.span, layout: layout) }
  }

  /// What the task is.
  public var kind: AdapterKind { AdapterKind(rawValue: reader.string(reader.header.kind)) }

  /// Whether a tensor of the task is only carried, so that it cannot be merged.
  public var isOpaque: Bool { entry.flags & TaskEntry.opaqueFlag != 0 }

  /// The largest rank of any term.
  public var rankMax: Int { Int(entry.rankMax) }

  /// The number of elements of all source tensors.
  public var parameterCount: Int { Int(clamping: entry.parameterCount) }

  /// The number of parameters of the base that the task changes.
  public var targetCount: Int { layout.count(.targets) }

  /// The stored bytes of all blocks that the task uses.
  public var referencedByteCount: Int { Int(clamping: entry.referencedBytes) }

  /// The bytes of the task's record.
  public var recordByteCount: Int { record.count }

  /// The hash of the record, which covers the hashes of all blocks.
  public var recordDigest: Digest128 { entry.recordHash }

  /// The file's range that holds the task's own blocks, for a reader that fetches ranges;
  /// empty if it has none.
  public var privateRange: Range<Int> {
    Int(entry.privateOffset)..<Int(entry.privateOffset + entry.privateLength)
  }

  /// The hash of the base record, which names the base that the task was made for; nil if
  /// none was recorded.
  ///
  /// - Throws: ``ContainerError`` if the base record is coded and its content is wrong.
  /// - Specification: §7.2 of `spec/mopz.md`.
  public func baseDigest() throws(ContainerError) -> Digest128? {
    let base = reader.header.baseBlock
    guard base != FormatConstants.none else { return nil }
    let row = reader.block(Int(base))
    if row.codec == BlockCodec.raw.rawValue { return row.storedHash }
    let record = try tensor(ofBlock: Int(base))
    return XXH3.hash128(record.bytes.span)
  }
}

extension Container {
  /// Looks a task up and validates it.
  ///
  /// - Throws: ``ContainerError``: `.noSuchTask`, or a violation in the directory or in
  ///   this task's record. Other tasks are not looked at.
  /// - Complexity: O(log n) in the tasks, O(length of the record).
  /// - Specification: §9.4 of `spec/mopz.md`, the rules checked by *lookup*.
  public func task(named name: String) throws(ContainerError) -> MappedTask {
    try task(try entry(named: name))
  }

  /// The task at a place of the directory, which is in the order of names.
  ///
  /// - Precondition: `index` is less than ``taskCount``.
  /// - Throws: ``ContainerError``, as ``task(named:)``.
  public func task(at index: Int) throws(ContainerError) -> MappedTask {
    try task(try wholeEntry(at: index))
  }

  /// The name at a place of the directory, which is in the order of names.
  ///
  /// - Precondition: `index` is less than ``taskCount``.
  /// - Throws: ``ContainerError`` DIR-6, DIR-7 or DIR-8.
  public func taskName(at index: Int) throws(ContainerError) -> String {
    try name(of: try wholeEntry(at: index))
  }

  /// The names of all tasks, in order.
  ///
  /// - Throws: ``ContainerError`` if an entry is damaged; ``taskName(at:)`` still gives
  ///   those of the others.
  /// - Complexity: O(n).
  public func taskNames() throws(ContainerError) -> [String] {
    var names: [String] = []
    names.reserveCapacity(taskCount)
    for index in 0..<taskCount { names.append(try taskName(at: index)) }
    return names
  }

  /// Whether the container has a task of this name.
  ///
  /// - Throws: ``ContainerError`` if the directory is damaged on the way.
  public func hasTask(named name: String) throws(ContainerError) -> Bool {
    do throws(ContainerError) {
      _ = try entry(named: name)
      return true
    } catch .noSuchTask { return false }
  }

  /// Validates an entry and its record.
  private func task(_ checked: CheckedEntry) throws(ContainerError) -> MappedTask {
    try validateReserved(of: checked)
    let name = try name(of: checked)
    try validateRanges(of: checked, name: name)
    return try task(checked, name: name) { (validation) throws(ContainerError) in
      try validation.validate()
    }
  }

  /// The task of an entry whose ranges have been checked.
  ///
  /// - Parameter validate: The checks of the record's tables.
  func task(
    _ checked: CheckedEntry, name: String,
    validate: (borrowing RecordValidation) throws(ContainerError) -> Void
  ) throws(ContainerError) -> MappedTask {
    let entry = checked.entry
    let start = Int(entry.recordOffset)
    let record = bytes.slice(start..<(start + Int(entry.recordLength)))
    let layout = try RecordValidation.layout(
      of: record.span, entry: entry, task: name, checksReserved: checksReserved)
    let validation = RecordValidation(
      RecordReader(record.span, layout: layout), task: name, entry: entry,
      committedLength: committedByteCount,
      features: RequiredFeatures(rawValue: slot.requiredFeatures), checksReserved: checksReserved)
    try validate(validation)
    return MappedTask(name: name, file: bytes, record: record, layout: layout, entry: entry)
  }
}
