import MopzBytes

/// Takes entries one after the other, and refuses what must not come in.
///
/// What an archive claims counts against the limits before anything is read, so that a bomb costs
/// nothing; memory is only taken for what arrives, and more than was claimed never does.
struct EntryCollector {
  let file: String
  let limits: ArchiveLimits
  /// How much may come out of an archive of this size.
  let expandedByteCountMax: Int

  private(set) var entries: [Archive.Entry] = []
  private var files: Set<String> = []
  private var folders: Set<String> = []
  /// The names as the archive spells them, without a slash at the end.
  private var spelledNames: [String] = []
  private var claimedByteCount = 0

  init(file: String, archiveByteCount: Int, limits: ArchiveLimits) {
    self.file = file
    self.limits = limits
    expandedByteCountMax = limits.expandedByteCountMax(ofArchive: archiveByteCount)
  }

  func error(_ reason: ArchiveError.Reason, entry: String? = nil) -> ArchiveError {
    ArchiveError(file: file, entry: entry, reason)
  }

  /// Takes note of an entry's name before anything of it is read.
  ///
  /// - Returns: The path, components only; nil for the directory in which all others lie.
  mutating func begin(
    name: String, isDirectory: Bool
  ) throws(ArchiveError) -> String? {
    let spelled = name.hasSuffix("/") ? String(name.dropLast()) : name
    spelledNames.append(spelled)
    guard spelledNames.count <= limits.entryCountMax else {
      throw error(.tooManyEntries(limit: limits.entryCountMax))
    }
    guard let components = EntryPath.components(of: name, isDirectory: isDirectory) else {
      throw error(.unsafePath, entry: name)
    }
    guard !components.isEmpty else { return nil }
    var parent = ""
    for component in components.dropLast() {
      parent += component
      if files.contains(parent) { throw error(.throughFile(parent), entry: name) }
      folders.insert(parent)
      parent += "/"
    }
    let path = components.joined(separator: "/")
    // Directories may be named again; files may not, nor may a file be a directory.
    if isDirectory {
      if files.contains(path) { throw error(.duplicate, entry: name) }
      folders.insert(path)
    } else if folders.contains(path) || !files.insert(path).inserted {
      throw error(.duplicate, entry: name)
    }
    return path
  }

  /// Counts the bytes that an archive, or an entry of it, claims to hold.
  mutating func claim(_ byteCount: Int, entry: String? = nil) throws(ArchiveError) {
    guard byteCount <= limits.byteCountMax - claimedByteCount else {
      throw error(.tooManyBytes(limit: limits.byteCountMax), entry: entry)
    }
    claimedByteCount += byteCount
    guard claimedByteCount <= expandedByteCountMax else {
      throw error(expansion, entry: entry)
    }
  }

  /// The reason to refuse what expands beyond ``expandedByteCountMax``.
  var expansion: ArchiveError.Reason { .expansion(limit: expandedByteCountMax) }

  /// Takes the contents of a regular file.
  mutating func add(_ path: String, _ bytes: Bytes) {
    entries.append(Archive.Entry(path: path, bytes: bytes))
  }

  /// Checks that the entries are those that the directory of the archive names, in any order.
  func expectNames(_ names: [String]) throws(ArchiveError) {
    var expected: [String: Int] = [:]
    for name in names { expected[name, default: 0] += 1 }
    for name in spelledNames {
      guard let count = expected[name], count > 0 else {
        throw error(.contradictoryName, entry: name)
      }
      expected[name] = count - 1
    }
    guard names.count == spelledNames.count else {
      throw error(
        .malformed("the directory names \(names.count) entries, \(spelledNames.count) are there"))
    }
  }
}

/// What an archive may call an entry.
enum EntryPath {
  private static let byteCountMax = 4096

  /// The components of a path that stays where it is unpacked, or nil.
  ///
  /// Components `.` are left out. Refused are absolute paths, drive letters,
  /// backslashes, components `..`, empty components, control characters.
  static func components(of name: String, isDirectory: Bool) -> [String]? {
    guard !name.isEmpty, name.utf8.count <= byteCountMax else { return nil }
    for scalar in name.unicodeScalars
    where scalar == "\\" || scalar.properties.generalCategory == .control {
      return nil
    }
    var parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    if isDirectory, parts.last == "" { parts.removeLast() }
    var components: [String] = []
    for part in parts {
      if part == "." { continue }
      guard !part.isEmpty, part != ".." else { return nil }
      components.append(part)
    }
    // A file has a name of its own.
    guard isDirectory || parts.last != ".", isDirectory || !components.isEmpty else { return nil }
    if let first = components.first, hasDrive(first) { return nil }
    return components
  }

  private static func hasDrive(_ component: String) -> Bool {
    let bytes = Array(component.utf8.prefix(2))
    guard bytes.count == 2, bytes[1] == UInt8(ascii: ":") else { return false }
    return UInt8(ascii: "a")...UInt8(ascii: "z") ~= bytes[0] | 0x20
  }
}
