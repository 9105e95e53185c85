/// How large files, functions and lines may be.
enum SizeRules {
  static let columnCountMax = 100
  static let fileLineCountMax = 400
  static let functionLineCountMax = 60

  /// Lines that are too wide.
  static func wideLines(of file: SourceFile) -> [String] {
    file.source.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .compactMap { index, line in
        line.utf8.count > columnCountMax && line.count > columnCountMax
          ? "\(file.path):\(index + 1): \(line.count) columns" : nil
      }
  }

  /// Whether the file is too long; comments and empty lines do not count.
  static func longFiles(of file: SourceFile) -> [String] {
    let count = file.source.codeLineCount
    return count > fileLineCountMax ? ["\(file.path): \(count) lines"] : []
  }

  /// Functions and initialisers that are too long; comments and empty lines do not count.
  static func longFunctions(of file: SourceFile) -> [String] {
    let lines = file.source.codeLines
    var found: [String] = []
    for (index, line) in lines.enumerated() {
      guard let match = line.firstMatch(of: /^( *)(?:[a-z@_]+(?:\([^)]*\))? )*(?:func |init[(<?])/)
      else { continue }
      let indent = match.1.count
      let body = lines[(index + 1)...].prefix { line in
        let own = line.prefix { $0 == " " }.count
        return own > indent || own == line.count || line.dropFirst(own).first == ")"
      }
      let count = body.count { $0.contains { !$0.isWhitespace } }
      if count > functionLineCountMax { found.append("\(file.path):\(index + 1): \(count) lines") }
    }
    return found
  }

  /// Names that more than one file has.
  static func duplicateNames(in files: [SourceFile]) -> [String] {
    Dictionary(grouping: files, by: \.name).filter { $0.value.count > 1 }.keys.sorted()
  }
}
