import MopzAdapters
import MopzBytes

/// What the directory says of a task, checked.
struct CheckedEntry: Hashable, Sendable {
  var index: Int
  var entry: TaskEntry
  /// Where the name lies in the file.
  var name: ByteRange
}

extension Container {
  /// The offset of an entry in the file.
  func entryOffset(_ index: Int) -> Int {
    Int(slot.directoryOffset) + DirectoryHeader.byteCount + index * TaskEntry.byteCount
  }

  /// An entry whose hash agrees; nothing else of it has been checked.
  ///
  /// - Throws: ``ContainerError`` DIR-6 or DIR-7.
  func wholeEntry(at index: Int) throws(ContainerError) -> CheckedEntry {
    precondition(index >= 0 && index < taskCount)
    let span = bytes.span
    let offset = entryOffset(index)
    let entry = TaskEntry(parsing: span, at: offset)
    guard
      let name = ByteRange(
        offset: UInt64(entry.nameOffset), count: UInt64(entry.nameLength),
        within: Int(directory.namesLength))
    else {
      throw .violation(
        .nameRange, .entry(index),
        .bytes(offset: UInt64(entry.nameOffset), count: UInt64(entry.nameLength)))
    }
    let start = Int(slot.directoryOffset) + Int(directory.namesOffset) + name.offset
    let nameBytes = span.extracting(start..<(start + name.count))
    let hash = TaskEntry.hash(entry: span, at: offset, name: nameBytes)
    guard hash == entry.entryHash else {
      throw .violation(.entryHash, .entry(index), .mismatch(expected: entry.entryHash, found: hash))
    }
    guard
      let range = ByteRange(
        offset: UInt64(start), count: UInt64(name.count), within: span.byteCount)
    else { preconditionFailure("the directory lies within the file") }
    return CheckedEntry(index: index, entry: entry, name: range)
  }

  /// The text of a whole entry's name.
  ///
  /// - Throws: ``ContainerError`` DIR-8.
  func name(of checked: CheckedEntry) throws(ContainerError) -> String {
    guard let name = bytes.span.text(in: checked.name.range), TaskName.isValid(name) else {
      throw .violation(.taskName, .entry(checked.index))
    }
    return name
  }

  /// Checks the reserved bytes of an entry.
  ///
  /// - Throws: ``ContainerError`` DIR-5.
  func validateReserved(of checked: CheckedEntry) throws(ContainerError) {
    guard
      !checksReserved
        || checked.entry.flags & ~TaskEntry.opaqueFlag == 0
          && TaskEntry.reservedIsZero(in: bytes.span, at: entryOffset(checked.index))
    else { throw .violation(.directoryReserved, .entry(checked.index)) }
  }

  /// Checks the ranges of an entry.
  ///
  /// - Throws: ``ContainerError`` LIM-2, DIR-9 or DIR-10.
  func validateRanges(of checked: CheckedEntry, name: String) throws(ContainerError) {
    let entry = checked.entry
    let location = FormatLocation.task(name)
    guard entry.recordLength <= UInt64(Limits.recordByteCount) else {
      throw .violation(
        .recordLimit, location,
        .exceeds(entry.recordLength, limit: UInt64(Limits.recordByteCount)))
    }
    let end = committedByteCount
    guard RegionBounds.contains(entry.recordOffset, entry.recordLength, within: end),
      entry.recordLength >= UInt64(RecordLayout.headerByteCount), entry.recordLength % 8 == 0
    else {
      throw .violation(
        .recordRange, location, .bytes(offset: entry.recordOffset, count: entry.recordLength))
    }
    guard
      entry.privateOffset == 0 && entry.privateLength == 0
        || entry.privateLength > 0
          && RegionBounds.contains(entry.privateOffset, entry.privateLength, within: end)
    else {
      throw .violation(
        .privateExtent, location, .bytes(offset: entry.privateOffset, count: entry.privateLength))
    }
  }

  /// The entry of a task.
  ///
  /// A binary search; where an entry on the way is damaged, all whole entries are
  /// looked at instead.
  ///
  /// - Throws: ``ContainerError``: `.noSuchTask` only if the whole directory could
  ///   be believed on the way, else the violation of the first damaged entry.
  /// - Complexity: O(log n), or O(n) in a damaged directory.
  func entry(named name: String) throws(ContainerError) -> CheckedEntry {
    let wanted = Bytes(utf8: name)
    var low = 0
    var high = taskCount
    do throws(ContainerError) {
      while low < high {
        let middle = (low + high) / 2
        let checked = try wholeEntry(at: middle)
        switch bytes.span.extracting(checked.name.range).order(wanted.span) {
        case 0: return checked
        case ..<0: low = middle + 1
        default: high = middle
        }
      }
    } catch { return try scan(for: wanted, after: error) }
    throw .noSuchTask(name)
  }

  private func scan(
    for wanted: Bytes, after damage: ContainerError
  ) throws(ContainerError) -> CheckedEntry {
    for index in 0..<taskCount {
      guard let checked = try? wholeEntry(at: index) else { continue }
      if bytes.span.extracting(checked.name.range).hasSameBytes(as: wanted.span) { return checked }
    }
    throw damage
  }
}

extension RawSpan {
  /// Negative, zero or positive as these bytes come before, with or after others.
  ///
  /// Bytes are unsigned; a prefix comes first.
  ///
  /// - Complexity: O(length of the shorter).
  func order(_ other: RawSpan) -> Int {
    let common = Swift.min(byteCount, other.byteCount)
    var offset = 0
    while offset + 8 <= common {
      let (a, b) = (u64(offset), other.u64(offset))
      if a != b { return a.byteSwapped < b.byteSwapped ? -1 : 1 }
      offset += 8
    }
    while offset < common {
      let (a, b) = (u8(offset), other.u8(offset))
      if a != b { return a < b ? -1 : 1 }
      offset += 1
    }
    return byteCount - other.byteCount
  }
}
