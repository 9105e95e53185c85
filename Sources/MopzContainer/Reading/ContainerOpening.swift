import MopzBytes
import MopzDigest
import SystemPackage

/// The checks of opening, in the order of the rules.
///
/// - Specification: §5.1 to §5.3 of `spec/mopz.md`.
struct ContainerOpening {
  /// The whole file.
  let bytes: Bytes
  let slot: CommitSlot
  let directory: DirectoryHeader
  let checksReserved: Bool
  /// What is wrong with the slots although one of them can be used.
  let slotViolations: [FormatViolation]

  /// Maps a file and judges it.
  ///
  /// A commit may end between mapping the file and looking at its slots, or while a slot is
  /// copied; so what seems wrong is looked at again until two looks agree.
  ///
  /// - Throws: ``ContainerError``, `.system` if the file cannot be mapped.
  init(mapping path: FilePath) throws(ContainerError) {
    var seen: (pages: Bytes, byteCount: Int)?
    while true {
      let bytes: Bytes
      do throws(SystemError) { bytes = try Bytes(mapping: path) } catch { throw .system(error) }
      let pages = HeaderPages(of: bytes)
      let isSeen =
        seen.map { seen in
          seen.byteCount == bytes.count && seen.pages.span.hasSameBytes(as: pages.bytes.span)
        } ?? false
      seen = (pages.bytes, bytes.count)
      do throws(ContainerError) {
        let opening = try ContainerOpening(bytes: bytes, pages: pages)
        guard isSeen || opening.slotViolations.isEmpty else { continue }
        self = opening
        return
      } catch {
        if isSeen { throw error }
      }
    }
  }

  /// Judges a file.
  ///
  /// - Parameter pages: Its first pages, copied.
  /// - Throws: ``ContainerError``.
  init(bytes: Bytes, pages: HeaderPages) throws(ContainerError) {
    self.bytes = bytes
    let span = bytes.span
    try Self.validateHeader(pages.bytes.span)
    let slots = SlotPair(pages.bytes.span)
    slot = try slots.newest()
    slotViolations = slots.violations
    // §13.3: what a later version keeps in reserved fields is none of our business.
    checksReserved = slot.ignorableFeatures == 0
    let unknown = slot.requiredFeatures & ~RequiredFeatures.known.rawValue
    guard unknown == 0 else {  // SLT-7
      throw .violation(.requiredFeatures, .slot(slots.newestName), .unknownCode(unknown))
    }
    try Self.validateBounds(of: slot, fileLength: span.byteCount, name: slots.newestName)
    directory = try Self.directoryHeader(of: slot, in: span, checksReserved: checksReserved)
  }

  /// What opening noticed and survived: a damaged slot is a warning that names the generation of
  /// the other.
  var findings: [Finding] {
    let rest = bytes.count - Int(slot.committedLength)
    let tail = Finding(
      severity: .note, rule: FormatRule.canonicalCommit.rawValue, where: "file",
      message: "\(rest) bytes after the commit")
    let damage = slotViolations.map { violation in
      var finding = violation.finding(severity: .warning)
      finding.message += "; generation \(slot.generation), of the other slot, is used"
      return finding
    }
    return damage + (rest > 0 ? [tail] : [])
  }

  /// HDR-1 to HDR-5.
  static func validateHeader(_ span: RawSpan) throws(ContainerError) {
    guard span.byteCount >= 8, span.u64(0) == FileHeader.magicNumber else {  // HDR-1
      throw .violation(.headerMagic, .header)
    }
    guard span.byteCount >= FormatConstants.headerByteCount else {  // HDR-2
      throw .violation(
        .fileLength, .file,
        .mismatch(
          expected: UInt64(FormatConstants.headerByteCount), found: UInt64(span.byteCount)))
    }
    let header = FileHeader(parsing: span, at: 0)
    let hash = XXH3.hash128(span.extracting(0..<FileHeader.hashedByteCount))
    guard header.headerHash == hash else {  // HDR-3
      throw .violation(.headerHash, .header, .digests(expected: header.headerHash, found: hash))
    }
    guard header.major == FormatVersion.major else {  // HDR-4
      throw .violation(.majorVersion, .header, .unknownCode(UInt64(header.major)))
    }
    guard header.headerSize == FormatConstants.headerByteCount else {  // HDR-5
      throw .violation(.headerReserved, .header, .unknownCode(UInt64(header.headerSize)))
    }
    let rest = span.extracting(FileHeader.byteCount..<FormatConstants.pageByteCount)
    guard rest.isAllZero else { throw .violation(.headerReserved, .header) }
  }

  /// SLT-8, SLT-9, SLT-10, and LIM-1 before the directory is looked at.
  private static func validateBounds(
    of slot: CommitSlot, fileLength: Int, name: Character
  ) throws(ContainerError) {
    let location = FormatLocation.slot(name)
    let header = UInt64(FormatConstants.headerByteCount)
    guard slot.committedLength >= header, slot.committedLength <= UInt64(fileLength) else {
      throw .violation(
        .committedLength, location,
        .mismatch(expected: UInt64(fileLength), found: slot.committedLength))
    }
    guard slot.taskCount <= UInt64(Limits.taskCount) else {
      throw .violation(
        .taskLimit, location, .exceeds(slot.taskCount, limit: UInt64(Limits.taskCount)))
    }
    let end = Int(slot.committedLength)
    guard
      RegionBounds.contains(slot.directoryOffset, slot.directoryLength, within: end),
      slot.directoryLength >= UInt64(DirectoryHeader.byteCount)
    else {
      throw .violation(
        .directoryRange, location,
        .bytes(offset: slot.directoryOffset, count: slot.directoryLength))
    }
    let index = slot.blockIndex
    guard
      index == .none
        || RegionBounds.contains(index.offset, index.length, within: end)
          && index.length >= UInt64(BlockIndexHeader.byteCount)
    else {
      throw .violation(
        .indexReference, location, .bytes(offset: index.offset, count: index.length))
    }
  }

  /// DIR-1 to DIR-5, without reading an entry.
  private static func directoryHeader(
    of slot: CommitSlot, in span: RawSpan, checksReserved: Bool
  ) throws(ContainerError) -> DirectoryHeader {
    let start = Int(slot.directoryOffset)
    let header = DirectoryHeader(parsing: span, at: start)
    guard header.magic == FormatConstants.directoryMagic else {
      throw .violation(.directoryMagic, .directory)
    }
    let hashed = span.extracting(start..<(start + DirectoryHeader.hashedByteCount))
    let hash = XXH3.hash64(hashed)
    guard header.headerHash == hash else {
      throw .violation(
        .directoryHeaderHash, .directory, .mismatch(expected: header.headerHash, found: hash))
    }
    guard header.taskCount == slot.taskCount else {
      throw .violation(
        .directoryTaskCount, .directory,
        .mismatch(expected: slot.taskCount, found: header.taskCount))
    }
    guard header.hasConsistentLengths(directoryLength: slot.directoryLength) else {
      throw .violation(.directoryLengths, .directory)
    }
    guard !checksReserved || DirectoryHeader.reservedIsZero(in: span, at: start) else {
      throw .violation(.directoryReserved, .directory)
    }
    return header
  }
}

extension DirectoryHeader {
  /// Whether offsets and length are those that counts and the names' length give.
  ///
  /// The task count has been checked against its limit.
  func hasConsistentLengths(directoryLength: UInt64) -> Bool {
    let names = UInt64(Self.byteCount) + taskCount * UInt64(TaskEntry.byteCount)
    guard namesOffset == names, namesLength <= directoryLength, names <= directoryLength,
      deadCount <= directoryLength / UInt64(DeadExtent.byteCount)
    else { return false }
    let dead = (names + namesLength + 7) / 8 * 8
    return deadOffset == dead
      && directoryLength == dead + deadCount * UInt64(DeadExtent.byteCount)
  }
}

/// Whether a region may lie where a number from the file says.
enum RegionBounds {
  /// Whether the range starts at a multiple of 64 after the header, and ends within `end`.
  static func contains(_ offset: UInt64, _ length: UInt64, within end: Int) -> Bool {
    guard let range = ByteRange(offset: offset, count: length, within: end) else { return false }
    return range.offset >= FormatConstants.headerByteCount
      && range.offset % FormatConstants.regionAlignment == 0
  }
}
