/// What must not stand in a source file of the products.
enum WordRules {
  /// Words banned from code; comments and strings may hold them.
  static func violations(of file: SourceFile, allowsPrinting: Bool) -> [String] {
    var found: [String] = []
    for (index, line) in file.source.codeLines.enumerated() {
      if !line.contains("!") && !line.contains("(") && !line.contains("unowned")
        && !line.contains("fatalError")
      {
        continue
      }
      func complain(_ what: String) { found.append("\(file.path):\(index + 1): \(what)") }
      if line.contains(/\btry!/) { complain("try!") }
      if line.contains(/\bas!/) { complain("as!") }
      if line.contains(/\bfatalError\b/) { complain("fatalError") }
      if line.contains(/\bunowned\b/) { complain("unowned") }
      if line.contains(/[A-Za-z0-9_\)\]\}]!(?![=A-Za-z0-9_])/), !line.contains(/\b(try|as)!/) {
        complain("force unwrap")
      }
      if !allowsPrinting, line.contains(/(^|[^.A-Za-z0-9_])(debugPrint|print|dump)\(/) {
        complain("print")
      }
    }
    return found
  }

  /// Unsafe code outside the files that the map lists, or without a reason.
  static func unsafeViolations(of file: SourceFile, allowed: [String]) -> [String] {
    guard file.source.code.contains(/\bunsafe\b|@unchecked\b|nonisolated\(unsafe\)/) else {
      return []
    }
    guard allowed.contains(where: { file.path == "Sources/\($0)" }) else {
      return ["\(file.path): may not hold unsafe code; see Sources/README.md"]
    }
    if !file.source.text.contains("SAFETY:") {
      return ["\(file.path): unsafe code without a sentence that begins with SAFETY:"]
    }
    return []
  }
}
