public import MopzBytes
public import SystemPackage

/// The committed files that tests read, found relative to this source file.
public enum Fixtures {
  /// The root of the repository.
  public static let repositoryRoot = FilePath(#filePath)
    .removingLastComponent().removingLastComponent().removingLastComponent()

  /// A file or directory below `fixtures/`, such as `foreign/models/llama-f32`.
  public static func path(_ relative: String) -> FilePath {
    repositoryRoot.appending("fixtures").pushing(FilePath(relative))
  }

  /// The bytes of a file below `fixtures/`.
  public static func bytes(_ relative: String) throws(SystemError) -> Bytes {
    try Bytes(mapping: path(relative))
  }
}

extension Fixtures {
  /// The regular files below a directory whose names have an ending, ordered by path.
  public static func files(
    below relative: String, suffix: String
  ) throws(SystemError) -> [FilePath] {
    var found: [FilePath] = []
    for entry in try path(relative).directoryEntries() {
      if entry.kind == .directory {
        found += try files(below: relative + "/" + entry.name.string, suffix: suffix)
      } else if entry.name.string.hasSuffix(suffix) {
        found.append(entry.path)
      }
    }
    return found
  }
}
