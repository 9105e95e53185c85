import CArchive
import MopzBytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One archive, or one compressed stream, that libarchive reads.
///
/// Only the formats zip and tar and the filters gzip and zstd are ever enabled,
/// one at a time. No other file calls libarchive.
///
/// SAFETY: `handle` is a valid reader from `init` to `deinit`, and used by one
/// thread at a time. What it reads from is kept alive by `source` or `stream`.
/// Pointers that libarchive returns are used only until the next call.
@safe
final class ArchiveReader {
  /// What is enabled; nothing else is tried.
  enum Mode { case zip, tar, gzip, zstd }

  /// What is known of an entry before its contents.
  struct EntryHeader {
    var name: String
    var isDirectory: Bool
    /// The kind of an entry that is neither a regular file nor a directory.
    var refusedKind: ArchiveError.EntryKind?
    var isEncrypted: Bool
    /// The size that the archive claims, if it does.
    var byteCount: Int?
  }

  private let handle: OpaquePointer
  private let file: String
  private let source: Bytes
  private let stream: DecompressedStream?

  /// Begins to read bytes in memory.
  init(_ source: Bytes, _ mode: Mode, file: String) throws(ArchiveError) {
    unsafe handle = try Self.makeHandle(mode, file: file)
    self.file = file
    self.source = source
    stream = nil
    // SAFETY: the memory outlives the handle, as `source` holds its owner.
    let status = unsafe source.span.withUnsafeBytes { bytes in
      unsafe archive_read_open_memory(handle, bytes.baseAddress, bytes.count)
    }
    try check(status)
    // The filter, and the bytes themselves.
    let filterCount = unsafe archive_filter_count(handle)
    guard mode == .zip || mode == .tar || filterCount == 2 else {
      throw ArchiveError(file: file, .malformed("not compressed as the name says"))
    }
  }

  /// Begins to read a tar file that comes out of a compressed stream.
  init(_ stream: DecompressedStream, file: String) throws(ArchiveError) {
    unsafe handle = try Self.makeHandle(.tar, file: file)
    self.file = file
    source = .empty
    self.stream = stream
    // SAFETY: libarchive hands the pointer back to this callback alone, and `self` keeps
    // the stream alive for longer than the handle.
    let status = unsafe archive_read_open(
      handle, Unmanaged.passUnretained(stream).toOpaque(), nil,
      { _, context, block in
        guard let context = unsafe context, let block = unsafe block else { return -1 }
        let stream = unsafe Unmanaged<DecompressedStream>.fromOpaque(context)
        return unsafe stream.takeUnretainedValue().next(block)
      }, nil)
    try check(status)
  }

  deinit { unsafe _ = archive_read_free(handle) }

  private static func makeHandle(
    _ mode: Mode, file: String
  ) throws(ArchiveError) -> OpaquePointer {
    guard let handle = unsafe archive_read_new() else {
      throw ArchiveError(file: file, .malformed("no memory for a reader"))
    }
    let statuses: [Int32] =
      switch mode {
      // The entries are those of the directory at the end, never those that a scan finds.
      case .zip: unsafe [archive_read_support_format_zip_seekable(handle)]
      case .tar: unsafe [archive_read_support_format_tar(handle)]
      case .gzip:
        unsafe [archive_read_support_filter_gzip(handle), archive_read_support_format_raw(handle)]
      case .zstd:
        unsafe [archive_read_support_filter_zstd(handle), archive_read_support_format_raw(handle)]
      }
    guard statuses.allSatisfy({ $0 == ARCHIVE_OK }) else {
      unsafe _ = archive_read_free(handle)
      throw ArchiveError(file: file, .malformed("libarchive was built without this format"))
    }
    return unsafe handle
  }

  /// Throws what libarchive or the stream under it has to say, unless all is well.
  ///
  /// Warnings are refusals too: they tell of names or fields that were not understood.
  private func check(_ status: Int32, entry: String? = nil) throws(ArchiveError) {
    if status == ARCHIVE_OK { return }
    if let failure = stream?.failure { throw failure }
    let text = unsafe archive_error_string(handle).map { unsafe String(cString: $0) }
    throw ArchiveError(
      file: file, entry: entry, .malformed(String((text ?? "no reason given").prefix(200))))
  }
}

extension ArchiveReader {
  /// How many bytes of what is read the format has taken.
  var consumedByteCount: Int { Int(unsafe archive_filter_bytes(handle, 0)) }

  /// The next entry, or nil after the last one.
  ///
  /// The corresponding C function is `archive_read_next_header`.
  func nextEntry() throws(ArchiveError) -> EntryHeader? {
    if Cancellation.isRequested { throw ArchiveError(file: file, .interrupted) }
    var entry: OpaquePointer?
    let status = unsafe archive_read_next_header(handle, &entry)
    if status == ARCHIVE_EOF {
      if let failure = stream?.failure { throw failure }
      return nil
    }
    let bytes = unsafe entry.flatMap { unsafe archive_entry_pathname($0) }
      .map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    let name = bytes.flatMap { String(validating: $0, as: UTF8.self) }
    try check(status, entry: bytes.map { String(decoding: $0, as: UTF8.self) })
    guard let entry = unsafe entry, let name else {
      throw ArchiveError(
        file: file, entry: bytes.map { String(decoding: $0, as: UTF8.self) }, .unsafePath)
    }
    let size = unsafe archive_entry_size_is_set(entry) != 0 ? archive_entry_size(entry) : nil
    return EntryHeader(
      name: name,
      isDirectory: unsafe archive_entry_filetype(entry) == S_IFDIR,
      refusedKind: unsafe Self.refusedKind(of: entry),
      isEncrypted: unsafe archive_entry_is_encrypted(entry) != 0,
      byteCount: size.flatMap { $0 < 0 ? nil : Int(clamping: $0) })
  }

  private static func refusedKind(of entry: OpaquePointer) -> ArchiveError.EntryKind? {
    if unsafe archive_entry_hardlink(entry) != nil { return .hardLink }
    if unsafe archive_entry_sparse_count(entry) > 0 { return .sparse }
    switch unsafe archive_entry_filetype(entry) {
    case S_IFREG, S_IFDIR: return nil
    case S_IFLNK: return .symbolicLink
    case S_IFCHR, S_IFBLK: return .device
    case S_IFIFO: return .pipe
    case S_IFSOCK: return .socket
    default: return .unknown
    }
  }

  /// Reads the next piece of an entry's contents.
  ///
  /// - Returns: False after the last piece. The corresponding C function is
  ///   `archive_read_data_block`.
  func readBlock(
    of entry: String, into contents: inout EntryContents
  ) throws(ArchiveError) -> Bool {
    if Cancellation.isRequested { throw ArchiveError(file: file, .interrupted) }
    var start: UnsafeRawPointer?
    var count = 0
    var offset: Int64 = 0
    let status = unsafe archive_read_data_block(handle, &start, &count, &offset)
    if status == ARCHIVE_EOF { return false }
    try check(status, entry: entry)
    guard let start = unsafe start, count > 0 else { return true }
    // SAFETY: the block is readable until the next call on the handle, which is after this.
    let block = unsafe RawSpan(_unsafeStart: start, byteCount: count)
    guard offset == contents.byteCount else {
      throw ArchiveError(file: file, entry: entry, .malformed("the contents have a gap"))
    }
    contents.append(block)
    return true
  }
}

/// What comes out of a gzip or zstd file, block by block.
///
/// libarchive decompresses and a second reader takes the blocks. Between the two,
/// what comes out is counted, and gzip's checksum, which libarchive leaves
/// unread, is worked out.
final class DecompressedStream {
  private let reader: ArchiveReader
  private let file: String
  private let compressed: Bytes
  private let isGzip: Bool
  private let byteCountMax: Int
  private let expansionError: ArchiveError
  private var checksum = CRC32()
  private var byteCount = 0
  /// Why the stream ended before its end.
  private(set) var failure: ArchiveError?

  /// Begins to decompress.
  init(
    _ compressed: Bytes, isGzip: Bool, byteCountMax: Int, file: String,
    expansionError: ArchiveError
  ) throws(ArchiveError) {
    reader = try ArchiveReader(compressed, isGzip ? .gzip : .zstd, file: file)
    self.file = file
    self.compressed = compressed
    self.isGzip = isGzip
    self.byteCountMax = byteCountMax
    self.expansionError = expansionError
    guard try reader.nextEntry() != nil else {
      throw ArchiveError(file: file, .malformed("nothing is compressed in it"))
    }
  }

  /// Gives libarchive the next block.
  ///
  /// - Returns: The block's size, 0 at the end, and -1 after a ``failure``.
  func next(_ block: UnsafeMutablePointer<UnsafeRawPointer?>) -> Int {
    do throws(ArchiveError) {
      guard let (start, count) = unsafe try reader.nextRawBlock() else { return 0 }
      unsafe block.pointee = start
      try take(unsafe RawSpan(_unsafeStart: start, byteCount: count))
      return count
    } catch {
      failure = error
      return -1
    }
  }

  private func take(_ bytes: RawSpan) throws(ArchiveError) {
    guard bytes.byteCount <= byteCountMax - byteCount else { throw expansionError }
    byteCount += bytes.byteCount
    if isGzip { checksum.update(bytes) }
  }

  /// Reads what the tar file left, which must be zeros, and compares size and checksum.
  func finish() throws(ArchiveError) {
    while let (start, count) = unsafe try reader.nextRawBlock() {
      // SAFETY: the block is readable until the next call on the reader.
      let block = unsafe RawSpan(_unsafeStart: start, byteCount: count)
      try take(block)
      guard block.isAllZero else {
        throw ArchiveError(file: file, .malformed("something follows the end"))
      }
    }
    guard isGzip else { return }
    let compressed = self.compressed
    let span = compressed.span
    // Eight bytes at the end: the checksum, and the size modulo 2^32 (RFC 1952 §2.3.1).
    guard span.byteCount >= 18 else { throw ArchiveError(file: file, .malformed("too short")) }
    let end = span.byteCount - 8
    let size = span.loadLittleEndian(fromByteOffset: end + 4, as: UInt32.self)
    guard size == UInt32(truncatingIfNeeded: byteCount) else {
      throw ArchiveError(
        file: file, .malformed("\(byteCount) bytes come out, and the end says \(size) modulo 2^32"))
    }
    let expected = span.loadLittleEndian(fromByteOffset: end, as: UInt32.self)
    guard checksum.value == expected else {
      throw ArchiveError(file: file, .checksum(expected: expected, found: checksum.value))
    }
  }
}

extension ArchiveReader {
  /// The next block of a stream, which stays valid until the next call; nil at the end.
  fileprivate func nextRawBlock() throws(ArchiveError) -> (UnsafeRawPointer, Int)? {
    while true {
      if Cancellation.isRequested { throw ArchiveError(file: file, .interrupted) }
      var start: UnsafeRawPointer?
      var count = 0
      var offset: Int64 = 0
      let status = unsafe archive_read_data_block(handle, &start, &count, &offset)
      if status == ARCHIVE_EOF { return nil }
      try check(status)
      if let start = unsafe start, count > 0 { return unsafe (start, count) }
    }
  }
}

extension ArchiveReader {
  // Made once and never freed, so that no thread can be left with a locale that is gone.
  // SAFETY: the name is a terminated string, and a locale is never changed.
  private nonisolated(unsafe) static let utf8 = unsafe newlocale(1 << LC_CTYPE, "C.UTF-8", nil)

  /// Runs `body` with a locale in which text is UTF-8, in this thread alone.
  ///
  /// libarchive converts names to the character set of the locale, which is ASCII in
  /// a program that has set none; names beyond ASCII would all be refused. The
  /// corresponding C function is `uselocale`.
  static func withUTF8Names<Result>(
    _ body: () throws(ArchiveError) -> Result
  ) throws(ArchiveError) -> Result {
    guard let locale = unsafe utf8 else { return try body() }
    let previous = unsafe uselocale(locale)
    defer { unsafe _ = uselocale(previous) }
    return try body()
  }
}
