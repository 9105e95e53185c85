import Testing

@Suite struct SizeTests {
  @Test("no line is wider than 100 columns")
  func columns() throws {
    let found = try SourceTree.files(below: "Sources").flatMap(SizeRules.wideLines)
    #expect(found == [])
  }

  @Test("no file is longer than 400 lines", arguments: ["Sources", "Tests"])
  func files(directory: String) throws {
    let found = try SourceTree.files(below: directory).flatMap(SizeRules.longFiles)
    #expect(found == [])
  }

  @Test("no function is longer than 60 lines")
  func functions() throws {
    let found = try SourceTree.files(below: "Sources").flatMap(SizeRules.longFunctions)
    #expect(found == [])
  }

  @Test("no two files have the same name", arguments: ["Sources", "Tests"])
  func names(directory: String) throws {
    let found = try SizeRules.duplicateNames(in: SourceTree.files(below: directory))
    #expect(found == [])
  }

  private func file(_ text: String, _ name: String = "A") -> SourceFile {
    SourceFile(path: "Sources/M/\(name).swift", text: text)
  }

  @Test("the checker finds lines, files and functions that are one too large")
  func control() {
    let line = String(repeating: "x", count: 100)
    #expect(SizeRules.wideLines(of: file(line)) == [])
    #expect(SizeRules.wideLines(of: file("\n" + line + "x")).count == 1)
    let lines = String(repeating: "let a = 1 // why\n", count: 400)
    #expect(SizeRules.longFiles(of: file(lines + "\n// why\n/* and\nhow */")) == [])
    #expect(SizeRules.longFiles(of: file(lines + "x")).count == 1)
    for head in ["  public func f<T>(", "  init(", "  @inline(__always) static func f("] {
      func function(_ count: Int) -> String {
        "struct A {\n\(head)\n    a: Int\n  ) {\n"
          + String(repeating: "    // why\n\n    x()\n", count: count) + "  }\n  let b = 1\n}\n"
      }
      #expect(SizeRules.longFunctions(of: file(function(58))) == [])
      #expect(SizeRules.longFunctions(of: file(function(59))).count == 1)
    }
    #expect(SizeRules.duplicateNames(in: [file("", "A"), file("", "B")]) == [])
    #expect(SizeRules.duplicateNames(in: [file("", "A"), file("", "A")]) == ["A.swift"])
  }

  @Test("strings with quotation marks and interpolations do not confuse the reader of sources")
  func strings() {
    let text = SourceText(
      """
      let a = "x\\(f("y", (1)))z" + #"q\\#(g("r"))w"# // c "
      /* a /* b */ "c */ let d = 1
      """)
    let blanked = text.codeLines.map { $0.split(separator: " ").joined(separator: " ") }
    #expect(blanked == [##"let a = " f(" ", (1))) " + #" g(" ")) "#"##, "let d = 1"])
    #expect(text.codeLineCount == 2)
  }
}
