import MopzBytes
import MopzTestSupport
import SystemPackage

/// A Swift file of the package.
struct SourceFile {
  /// The path below the repository's root, such as `Sources/MopzBytes/Bytes.swift`.
  let path: String
  let source: SourceText

  /// The name of the file.
  var name: String { String(path.split(separator: "/").last ?? "") }

  /// The module, the directory below `Sources` or `Tests`.
  var module: String { String(path.split(separator: "/")[1]) }

  init(path: String, text: String) {
    self.path = path
    source = SourceText(text)
  }

  /// The modules that the file imports, each with its line.
  var imports: [(module: String, isPublic: Bool, line: Int)] {
    source.codeLines.enumerated().compactMap { index, line in
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let position = words.firstIndex(of: "import"),
        words[..<position].allSatisfy({ Self.importModifiers.contains(String($0)) }),
        let name = words.last
      else { return nil }
      let module = String(name.split(separator: ".")[0])
      let isPublic = words[..<position].contains { $0 == "public" || $0 == "@_exported" }
      return (module, isPublic, index + 1)
    }
  }

  private static let importModifiers: Set<String> = [
    "public", "package", "internal", "fileprivate", "private", "@testable", "@_exported",
    "@preconcurrency", "@_spi",
  ]
}

/// The Swift files below a directory of the repository.
enum SourceTree {
  /// - Returns: All files below `Sources` or `Tests`, ordered by path; read once.
  static func files(below directory: String) throws -> [SourceFile] {
    try (directory == "Sources" ? sources : tests).get()
  }

  private static let sources = Result { try read(below: "Sources") }
  private static let tests = Result { try read(below: "Tests") }

  private static func read(below directory: String) throws -> [SourceFile] {
    var files: [SourceFile] = []
    func visit(_ path: FilePath, _ relative: String) throws {
      for entry in try path.directoryEntries() {
        let name = "\(relative)/\(entry.name.string)"
        switch entry.kind {
        case .directory where !entry.name.string.hasPrefix("."): try visit(entry.path, name)
        case .regular where entry.path.extension == "swift":
          files.append(SourceFile(path: name, text: try text(of: entry.path)))
        default: break
        }
      }
    }
    try visit(Fixtures.repositoryRoot.appending(directory), directory)
    return files
  }

  static func text(of path: FilePath) throws -> String {
    try Bytes(mapping: path).text ?? ""
  }

  static func text(of relative: String) throws -> String {
    try text(of: Fixtures.repositoryRoot.pushing(FilePath(relative)))
  }
}
