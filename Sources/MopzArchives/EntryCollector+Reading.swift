import MopzBytes

extension EntryCollector {
  /// Reads the entries of a zip file.
  mutating func readZip(_ zip: Bytes) throws(ArchiveError) {
    let directory = try ZipDirectory(
      of: zip.span, entryCountMax: limits.entryCountMax, file: file)
    try directory.validatePlaces(in: zip.span, file: file)
    // All at once, before the first is read; each one again when its turn comes.
    var all = self
    for entry in directory.entries {
      try all.claim(Int(clamping: entry.byteCount), entry: entry.name)
    }
    let reader = try ArchiveReader(zip, .zip, file: file)
    while let header = try reader.nextEntry() { try read(header, from: reader, source: zip) }
    try expectNames(directory.entries.map(\.name))
  }

  /// Reads the entries of a tar file that is not compressed.
  mutating func readTar(_ tar: Bytes) throws(ArchiveError) {
    let reader = try ArchiveReader(tar, .tar, file: file)
    let end = try readTarEntries(from: reader, source: tar)
    guard tar.span.extracting(min(end, tar.count)..<tar.count).isAllZero else {
      throw error(.malformed("something follows the end"))
    }
  }

  /// Reads the entries of a tar file that is compressed.
  mutating func readTar(
    _ bytes: Bytes, compressedAs format: ArchiveFormat
  ) throws(ArchiveError) {
    let stream = try DecompressedStream(
      bytes, isGzip: format == .tarGzip, byteCountMax: expandedByteCountMax, file: file,
      expansionError: error(expansion))
    let reader = try ArchiveReader(stream, file: file)
    _ = try readTarEntries(from: reader, source: nil)
    try stream.finish()
  }

  /// Reads entries to the mark at the end.
  ///
  /// - Returns: How many bytes of the tar file were read.
  private mutating func readTarEntries(
    from reader: ArchiveReader, source: Bytes?
  ) throws(ArchiveError) -> Int {
    var endOfLast = reader.consumedByteCount
    while let header = try reader.nextEntry() {
      try read(header, from: reader, source: source)
      endOfLast = reader.consumedByteCount
    }
    // A file that was cut between two entries lacks the mark: two blocks of zeros.
    let end = reader.consumedByteCount
    guard end - (endOfLast + 511) / 512 * 512 >= 1024 else {
      throw error(.malformed("the mark at the end is missing"))
    }
    return end
  }

  /// Takes one entry in, or refuses it.
  private mutating func read(
    _ header: ArchiveReader.EntryHeader, from reader: ArchiveReader, source: Bytes?
  ) throws(ArchiveError) {
    let name = header.name
    if let kind = header.refusedKind { throw error(.kind(kind), entry: name) }
    if header.isEncrypted { throw error(.encrypted, entry: name) }
    let path = try begin(name: name, isDirectory: header.isDirectory)
    guard let byteCount = header.byteCount else {
      throw error(.malformed("its size is not known"), entry: name)
    }
    try claim(byteCount, entry: name)
    var contents = EntryContents(source: source)
    while try reader.readBlock(of: name, into: &contents) {
      guard contents.byteCount <= byteCount else {
        throw error(.malformed("more than the \(byteCount) bytes that it claims"), entry: name)
      }
    }
    guard contents.byteCount == byteCount else {
      throw error(.malformed("\(contents.byteCount) bytes, not \(byteCount)"), entry: name)
    }
    guard let path, !header.isDirectory else {
      if contents.byteCount == 0 { return }
      throw error(.malformed("a directory with contents"), entry: name)
    }
    add(path, contents.bytes())
  }
}
