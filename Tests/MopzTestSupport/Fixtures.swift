public import MopzBytes
public import SystemPackage

/// The files of `fixtures/`, which tests only read.
public enum Fixtures {
  /// The directory `fixtures/` of the package.
  public static let directory: FilePath = {
    var path = FilePath(#filePath)
    for _ in 0..<3 { path.removeLastComponent() }
    return path.appending("fixtures")
  }()

  /// The path of a fixture, such as `invalid/safetensors/hole.safetensors`.
  public static func path(_ relative: String) -> FilePath {
    directory.pushing(FilePath(relative))
  }

  /// The bytes of a fixture.
  public static func bytes(_ relative: String) throws -> Bytes {
    try Bytes(mapping: path(relative))
  }

  /// The regular files under a directory of the fixtures with one of some endings,
  /// ordered by path; all files where no ending is named.
  public static func files(under relative: String, suffixes: [String] = [""]) throws -> [FilePath] {
    var found: [FilePath] = []
    for entry in try path(relative).directoryEntries() {
      if entry.kind == .directory {
        found += try files(under: relative + "/" + entry.name.string, suffixes: suffixes)
      } else if suffixes.contains(where: entry.name.string.hasSuffix) {
        found.append(entry.path)
      }
    }
    return found
  }
}
