import MopzBytes

extension ZipDirectory {
  /// Methods that need little memory, whatever an entry says: stored, deflate, bzip2, zstd.
  ///
  /// LZMA, xz and PPMd may ask for gigabytes before the first byte comes out.
  private static let methods: Set<UInt16> = [0, 8, 12, 93]
  private static let headerSignature: UInt32 = 0x0403_4b50
  private static let headerByteCount = 30

  /// Checks that every entry lies in the file, before the directory, and apart from all others,
  /// and is compressed by a method that is read.
  ///
  /// Entries that lie in one another are how a small file expands to anything.
  ///
  /// - Throws: ``ArchiveError`` for the first entry, in the order of the file, that does not.
  /// - Complexity: O(entries · log(entries)); no contents are read.
  func validatePlaces(in zip: RawSpan, file: String) throws(ArchiveError) {
    var end = 0
    for entry in entries.sorted(by: { $0.offset < $1.offset }) {
      func error(_ reason: ArchiveError.Reason) -> ArchiveError {
        ArchiveError(file: file, entry: entry.name, reason)
      }
      guard Self.methods.contains(entry.method) else { throw error(.method(Int(entry.method))) }
      guard let place = place(of: entry, in: zip) else {
        throw error(.malformed("it is not where and what the directory says"))
      }
      guard place.lowerBound >= end else { throw error(.overlap) }
      end = place.upperBound
    }
  }

  /// An entry's own header and its contents; nil if they are not there, or another method is.
  private func place(of entry: Entry, in zip: RawSpan) -> Range<Int>? {
    guard
      let header = ByteRange(
        offset: entry.offset, count: UInt64(Self.headerByteCount), within: offset),
      zip.loadLittleEndian(fromByteOffset: header.offset, as: UInt32.self) == Self.headerSignature,
      // What decompresses goes by the entry's own header.
      zip.loadLittleEndian(fromByteOffset: header.offset + 8, as: UInt16.self) == entry.method
    else { return nil }
    let nameCount = zip.loadLittleEndian(fromByteOffset: header.offset + 26, as: UInt16.self)
    let extraCount = zip.loadLittleEndian(fromByteOffset: header.offset + 28, as: UInt16.self)
    let start = UInt64(header.end) + UInt64(nameCount) + UInt64(extraCount)
    guard let contents = ByteRange(offset: start, count: entry.storedByteCount, within: offset)
    else { return nil }
    return header.offset..<contents.end
  }
}
