import MopzBytes

/// The central directory of a zip file: what it says of each entry.
///
/// Tools differ on whether the directory or the entries themselves say what an
/// archive holds, and where a name ends that has a NUL. What is read here is
/// compared with what libarchive finds, so that only files on which all agree
/// are accepted.
struct ZipDirectory {
  /// What the directory says of an entry.
  struct Entry {
    /// The name, without a slash at the end.
    var name: String
    /// The number of the method by which the entry is compressed; 0 if it is stored.
    var method: UInt16
    /// The number of bytes that lie in the archive.
    var storedByteCount: UInt64
    /// The number of bytes that come out.
    var byteCount: UInt64
    /// Where the entry begins, with a header of its own.
    var offset: UInt64
  }

  /// The entries in their order.
  let entries: [Entry]
  /// Where the directory begins.
  let offset: Int

  /// Reads a directory.
  ///
  /// - Throws: ``ArchiveError`` if there is no directory, if it does not lie where the file
  ///   says, if it says that it has more entries than the limit, or if a name is no UTF-8 or
  ///   has a NUL.
  init(of zip: RawSpan, entryCountMax: Int, file: String) throws(ArchiveError) {
    func malformed(_ text: String) -> ArchiveError { ArchiveError(file: file, .malformed(text)) }
    guard let place = ZipDirectoryPlace(in: zip) else {
      throw malformed("the directory at the end is not whole")
    }
    guard place.entryCount <= entryCountMax else {
      throw ArchiveError(file: file, .tooManyEntries(limit: entryCountMax))
    }
    var entries: [Entry] = []
    var offset = place.range.lowerBound
    while offset < place.range.upperBound {
      guard UInt64(entries.count) < place.entryCount else {
        throw malformed("the directory has more than its \(place.entryCount) entries")
      }
      guard
        let (entry, next) = Entry.parsed(
          in: zip.extracting(0..<place.range.upperBound), at: offset)
      else { throw malformed("entry \(entries.count) of the directory is not whole") }
      guard let entry else {
        throw malformed("the name of entry \(entries.count) is no UTF-8, or has a NUL")
      }
      entries.append(entry)
      offset = next
    }
    guard UInt64(entries.count) == place.entryCount else {
      throw malformed("the directory has \(entries.count) entries, not \(place.entryCount)")
    }
    self.entries = entries
    self.offset = place.range.lowerBound
  }
}

extension ZipDirectory.Entry {
  private static let signature: UInt32 = 0x0201_4b50
  private static let byteCount = 46

  /// The entry at an offset of a directory that ends where `directory` does, and where the next
  /// one begins.
  ///
  /// - Returns: Nil if the entry is not whole; no entry if its name cannot be read.
  fileprivate static func parsed(in directory: RawSpan, at offset: Int) -> (Self?, next: Int)? {
    guard directory.byteCount - offset >= byteCount,
      directory.loadLittleEndian(fromByteOffset: offset, as: UInt32.self) == signature
    else { return nil }
    func u16(_ field: Int) -> UInt16 {
      directory.loadLittleEndian(fromByteOffset: offset + field, as: UInt16.self)
    }
    func u32(_ field: Int) -> UInt64 {
      UInt64(directory.loadLittleEndian(fromByteOffset: offset + field, as: UInt32.self))
    }
    let nameEnd = offset + byteCount + Int(u16(28))
    let extraEnd = nameEnd + Int(u16(30))
    let next = extraEnd + Int(u16(32))
    guard next <= directory.byteCount else { return nil }
    guard var name = directory.text(in: (offset + byteCount)..<nameEnd), !name.utf8.contains(0)
    else { return (nil, next) }
    if name.hasSuffix("/") { name.removeLast() }
    var entry = Self(
      name: name, method: u16(10), storedByteCount: u32(20), byteCount: u32(24), offset: u32(42))
    entry.readLargeNumbers(directory.extracting(nameEnd..<extraEnd))
    return (entry, next)
  }

  /// Takes numbers that do not fit 32 bits from the field for them: those that are all ones, in
  /// a fixed order.
  private mutating func readLargeNumbers(_ extra: RawSpan) {
    var offset = 0
    while offset + 4 <= extra.byteCount {
      let kind = extra.loadLittleEndian(fromByteOffset: offset, as: UInt16.self)
      let count = Int(extra.loadLittleEndian(fromByteOffset: offset + 2, as: UInt16.self))
      let end = min(offset + 4 + count, extra.byteCount)
      var place = offset + 4
      offset += 4 + count
      guard kind == 1 else { continue }
      for field in [\Self.byteCount, \.storedByteCount, \.offset]
      where self[keyPath: field] == 0xffff_ffff && place + 8 <= end {
        self[keyPath: field] = extra.loadLittleEndian(fromByteOffset: place, as: UInt64.self)
        place += 8
      }
    }
  }
}

/// Where a zip file's directory lies, and how many entries it says it has.
private struct ZipDirectoryPlace {
  private static let endSignature: UInt32 = 0x0605_4b50
  private static let end64LocatorSignature: UInt32 = 0x0706_4b50
  private static let end64Signature: UInt32 = 0x0606_4b50

  let range: Range<Int>
  let entryCount: UInt64

  /// Looks for the record at the end of a file; nil if there is none, or if the directory does
  /// not lie before it.
  init?(in zip: RawSpan) {
    // The end record has 22 bytes and a comment of at most 65,535; the last one that
    // ends with the file counts.
    var end = zip.byteCount - 22
    let first = max(0, end - 0xffff)
    while end >= first {
      if zip.loadLittleEndian(fromByteOffset: end, as: UInt32.self) == Self.endSignature,
        end + 22 + Int(zip.loadLittleEndian(fromByteOffset: end + 20, as: UInt16.self))
          == zip.byteCount
      {
        break
      }
      end -= 1
    }
    guard end >= first else { return nil }
    var count = UInt64(zip.loadLittleEndian(fromByteOffset: end + 10, as: UInt16.self))
    var byteCount = UInt64(zip.loadLittleEndian(fromByteOffset: end + 12, as: UInt32.self))
    var offset = UInt64(zip.loadLittleEndian(fromByteOffset: end + 16, as: UInt32.self))
    if count == 0xffff || byteCount == 0xffff_ffff || offset == 0xffff_ffff,
      let large = Self.largeEnd(in: zip, before: end)
    {
      count = zip.loadLittleEndian(fromByteOffset: large + 32, as: UInt64.self)
      byteCount = zip.loadLittleEndian(fromByteOffset: large + 40, as: UInt64.self)
      offset = zip.loadLittleEndian(fromByteOffset: large + 48, as: UInt64.self)
    }
    guard let range = ByteRange(offset: offset, count: byteCount, within: end) else { return nil }
    self.range = range.range
    entryCount = count
  }

  /// Where the end record for large files lies, whose locator stands before the usual one.
  private static func largeEnd(in zip: RawSpan, before end: Int) -> Int? {
    guard end >= 20 + 56,
      zip.loadLittleEndian(fromByteOffset: end - 20, as: UInt32.self) == end64LocatorSignature
    else { return nil }
    let offset = zip.loadLittleEndian(fromByteOffset: end - 12, as: UInt64.self)
    guard let record = ByteRange(offset: offset, count: 56, within: end - 20),
      zip.loadLittleEndian(fromByteOffset: record.offset, as: UInt32.self) == end64Signature
    else { return nil }
    return record.offset
  }
}
