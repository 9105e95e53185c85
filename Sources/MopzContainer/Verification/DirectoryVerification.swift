import MopzAdapters
import MopzBytes
import MopzDigest

/// Stage 2 of a verification: the directory's hash, all entries, names and dead extents.
///
/// - Specification: §5.3 of `spec/mopz.md`.
struct DirectoryVerification {
  private(set) var violations: [FormatViolation] = []
  /// The entries that can be believed, with their names.
  private(set) var entries: [(entry: CheckedEntry, name: String)] = []
  private(set) var deadExtents: [DeadExtent] = []

  init(_ container: Container) {
    check(container.directoryHash)
    for index in 0..<container.taskCount {
      do throws(ContainerError) {
        let checked = try container.wholeEntry(at: index)
        try container.validateReserved(of: checked)
        let name = try container.name(of: checked)
        try container.validateRanges(of: checked, name: name)
        entries.append((checked, name))
      } catch { append(error) }
    }
    checkOrder(container)
    checkHeap(container)
    checkDeadExtents(container)
  }

  private mutating func append(_ error: ContainerError) {
    if case .violation(let violation) = error { violations.append(violation) }
  }

  private mutating func check(_ hashes: (expected: Digest128, found: Digest128)) {
    guard hashes.expected != hashes.found else { return }
    violations.append(
      FormatViolation(
        rule: .directoryHash, location: .directory,
        detail: .digests(expected: hashes.expected, found: hashes.found)))
  }

  /// DIR-12, among the entries that can be believed.
  private mutating func checkOrder(_ container: Container) {
    for (previous, next) in zip(entries, entries.dropFirst()) {
      let span = container.bytes.span
      let order = span.extracting(previous.entry.name.range)
        .order(span.extracting(next.entry.name.range))
      if order >= 0 {
        violations.append(FormatViolation(rule: .entryOrder, location: .task(next.name)))
      }
    }
  }

  /// DIR-13, and DIR-5 for the padding after the names.
  private mutating func checkHeap(_ container: Container) {
    let span = container.bytes.span
    var next: UInt64 = 0
    for index in 0..<container.taskCount {
      let entry = TaskEntry(parsing: span, at: container.entryOffset(index))
      guard UInt64(entry.nameOffset) == next else {
        violations.append(
          FormatViolation(
            rule: .nameHeap, location: .entry(index),
            detail: .mismatch(expected: next, found: UInt64(entry.nameOffset))))
        return
      }
      next += UInt64(entry.nameLength)
    }
    if next != container.directory.namesLength {
      violations.append(
        FormatViolation(
          rule: .nameHeap, location: .directory,
          detail: .mismatch(expected: next, found: container.directory.namesLength)))
    }
    let start = Int(container.slot.directoryOffset)
    let heapEnd = start + Int(container.directory.namesOffset + container.directory.namesLength)
    let padding = span.extracting(heapEnd..<(start + Int(container.directory.deadOffset)))
    if container.checksReserved && !padding.isAllZero {
      violations.append(FormatViolation(rule: .directoryReserved, location: .directory))
    }
  }

  /// DIR-14.
  private mutating func checkDeadExtents(_ container: Container) {
    let start = Int(container.slot.directoryOffset + container.directory.deadOffset)
    var end: UInt64 = 0
    for index in 0..<Int(container.directory.deadCount) {
      let extent = DeadExtent(
        parsing: container.bytes.span, at: start + index * DeadExtent.byteCount)
      guard extent.length >= 1, extent.offset >= end,
        RegionBounds.contains(extent.offset, extent.length, within: container.committedByteCount)
      else {
        violations.append(
          FormatViolation(
            rule: .deadExtents, location: .directory,
            detail: .bytes(offset: extent.offset, count: extent.length)))
        return
      }
      end = extent.offset + extent.length
      deadExtents.append(extent)
    }
  }
}

extension Container {
  /// The directory's hash, as the slot has it and as it is.
  var directoryHash: (expected: Digest128, found: Digest128) {
    let start = Int(slot.directoryOffset)
    let directory = bytes.span.extracting(start..<(start + Int(slot.directoryLength)))
    return (slot.directoryHash, XXH3.hash128(directory))
  }
}
