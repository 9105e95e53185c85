import MopzBytes

/// The names in the central directory of a zip file.
///
/// Tools differ on whether the directory or the entries themselves say what an
/// archive holds, and where a name ends that has a NUL. What is read here is
/// compared with what libarchive finds, so that only files on which all agree
/// are accepted.
enum ZipDirectory {
  private static let endSignature: UInt32 = 0x0605_4b50
  private static let end64LocatorSignature: UInt32 = 0x0706_4b50
  private static let end64Signature: UInt32 = 0x0606_4b50
  private static let entrySignature: UInt32 = 0x0201_4b50

  /// The names in their order, without a slash at the end.
  ///
  /// - Throws: ``ArchiveError`` if there is no directory, if it does not lie where
  ///   the file says, or if a name is no UTF-8 or has a NUL.
  static func names(in zip: RawSpan, file: String) throws(ArchiveError) -> [String] {
    func malformed(_ text: String) -> ArchiveError { ArchiveError(file: file, .malformed(text)) }
    guard let directory = directory(in: zip) else {
      throw malformed("the directory at the end is not whole")
    }
    var names: [String] = []
    var offset = directory.range.lowerBound
    let end = directory.range.upperBound
    while offset < end {
      guard end - offset >= 46,
        zip.loadLittleEndian(fromByteOffset: offset, as: UInt32.self) == entrySignature
      else { throw malformed("entry \(names.count) of the directory is not whole") }
      let nameCount = Int(zip.loadLittleEndian(fromByteOffset: offset + 28, as: UInt16.self))
      let extraCount = Int(zip.loadLittleEndian(fromByteOffset: offset + 30, as: UInt16.self))
      let commentCount = Int(zip.loadLittleEndian(fromByteOffset: offset + 32, as: UInt16.self))
      let next = offset + 46 + nameCount + extraCount + commentCount
      guard next <= end else {
        throw malformed("entry \(names.count) of the directory is not whole")
      }
      guard var name = zip.text(in: (offset + 46)..<(offset + 46 + nameCount)),
        !name.utf8.contains(0)
      else { throw malformed("the name of entry \(names.count) is no UTF-8, or has a NUL") }
      if name.hasSuffix("/") { name.removeLast() }
      names.append(name)
      offset = next
    }
    guard UInt64(names.count) == directory.count else {
      throw malformed("the directory has \(names.count) entries, not \(directory.count)")
    }
    return names
  }

  /// Where the directory lies and how many entries it says it has.
  private static func directory(in zip: RawSpan) -> (range: Range<Int>, count: UInt64)? {
    // The end record has 22 bytes and a comment of at most 65,535; the last one that
    // ends with the file counts.
    var end = zip.byteCount - 22
    let first = max(0, end - 0xffff)
    while end >= first {
      if zip.loadLittleEndian(fromByteOffset: end, as: UInt32.self) == endSignature,
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
      let large = largeEnd(in: zip, before: end)
    {
      count = zip.loadLittleEndian(fromByteOffset: large + 32, as: UInt64.self)
      byteCount = zip.loadLittleEndian(fromByteOffset: large + 40, as: UInt64.self)
      offset = zip.loadLittleEndian(fromByteOffset: large + 48, as: UInt64.self)
    }
    guard let range = ByteRange(offset: offset, count: byteCount, within: end) else { return nil }
    return (range.range, count)
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
