public import MopzBytes
public import SystemPackage

/// The regular files of an archive, in memory.
///
/// An archive is data that somebody else made: links, devices, paths that
/// escape, duplicates and bombs are refused by name, and nothing is ever written
/// to a file system. Its kind is that which its name says; no other is tried.
///
/// ```swift
/// let archive = try Archive(opening: "adapters.tar.gz")
/// for entry in archive.entries { print(entry.path, entry.bytes.count) }
/// ```
public struct Archive: Sendable {
  /// A regular file of an archive.
  public struct Entry: Sendable {
    /// The path within the archive: components between single slashes, none of
    /// them empty, `.` or `..`.
    public let path: String
    /// The contents, which share the archive's mapping where it stores them uncompressed.
    public let bytes: Bytes
  }

  /// The kind of archive.
  public let format: ArchiveFormat
  /// The regular files, in the order of the archive.
  public let entries: [Entry]

  /// Maps an archive and reads it.
  ///
  /// - Throws: ``ArchiveError``.
  /// - Complexity: O(contents); memory is bounded by the limits.
  public init(
    opening path: FilePath, limits: ArchiveLimits = .standard
  ) throws(ArchiveError) {
    let bytes: Bytes
    do { bytes = try Bytes(mapping: path) } catch {
      throw ArchiveError(file: path.string, .system(error))
    }
    try self.init(bytes: bytes, name: path.string, limits: limits)
  }

  /// Reads an archive that is in memory.
  ///
  /// - Parameters:
  ///   - bytes: The archive.
  ///   - name: Its file name, whose ending says what kind it is; errors name it.
  ///   - limits: How much may come out of it.
  /// - Throws: ``ArchiveError``.
  public init(
    bytes: Bytes, name: String, limits: ArchiveLimits = .standard
  ) throws(ArchiveError) {
    guard let format = ArchiveFormat(fileName: name) else {
      throw ArchiveError(file: name, .unknownFormat)
    }
    self.format = format
    var collector = EntryCollector(file: name, archiveByteCount: bytes.count, limits: limits)
    try ArchiveReader.withUTF8Names { () throws(ArchiveError) in
      switch format {
      case .zip: try collector.readZip(bytes)
      case .tar: try collector.readTar(bytes)
      case .tarGzip, .tarZstd: try collector.readTar(bytes, compressedAs: format)
      }
    }
    entries = collector.entries
  }
}

/// The kinds of archive that are read.
public enum ArchiveFormat: String, Hashable, Sendable, CaseIterable {
  case zip = ".zip"
  case tar = ".tar"
  case tarGzip = ".tar.gz"
  case tarZstd = ".tar.zst"

  /// The kind that a file's name says, capitals or not, or nil; `.tgz` is `.tar.gz`.
  public init?(fileName: String) {
    let name = fileName.lowercased()
    let match = Self.allCases.first { name.hasSuffix($0.rawValue) }
    guard let format = match ?? (name.hasSuffix(".tgz") ? .tarGzip : nil) else { return nil }
    self = format
  }
}

/// How much may come out of an archive.
///
/// What an archive claims counts, so that a bomb is refused before it is lit. Real adapters may
/// compress well: weights that layers or tasks share and a file repeats, zeros of a side that was
/// never trained. So a ratio counts only beyond a generous size.
public struct ArchiveLimits: Hashable, Sendable {
  /// The largest number of entries, directories included.
  public var entryCountMax: Int
  /// The largest number of bytes of all entries together.
  public var byteCountMax: Int
  /// So many times its own size may come out of an archive, beside ``unratedByteCount``.
  public var expansionMax: Int
  /// So many bytes may come out of any archive, whatever its size.
  public var unratedByteCount: Int

  /// Makes limits from their parts.
  public init(
    entryCountMax: Int = 4096, byteCountMax: Int = 8 << 30, expansionMax: Int = 50,
    unratedByteCount: Int = 256 << 20
  ) {
    self.entryCountMax = entryCountMax
    self.byteCountMax = byteCountMax
    self.expansionMax = expansionMax
    self.unratedByteCount = unratedByteCount
  }

  /// 4096 entries, 8 GiB, and 256 MiB and 50 times the size of the archive.
  public static let standard = ArchiveLimits()

  /// How many bytes may come out of an archive of a size, by the limits of expansion.
  public func expandedByteCountMax(ofArchive byteCount: Int) -> Int {
    let (rated, overflow) = byteCount.multipliedReportingOverflow(by: expansionMax)
    let (sum, isTooMuch) = rated.addingReportingOverflow(unratedByteCount)
    return overflow || isTooMuch ? .max : sum
  }
}
