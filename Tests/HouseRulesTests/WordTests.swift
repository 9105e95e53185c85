import Testing

@Suite struct WordTests {
  @Test("no banned word stands in the code of the products")
  func bannedWords() throws {
    let files = try SourceTree.files(below: "Sources")
    let found = files.flatMap {
      WordRules.violations(of: $0, allowsPrinting: $0.module == "MopctlCommands")
    }
    #expect(found == [])
  }

  @Test("unsafe code stands in the listed files alone, each with its reason")
  func unsafeFiles() throws {
    let map = try LayerMap(readme: SourceTree.text(of: "Sources/README.md"))
    let files = try SourceTree.files(below: "Sources")
    let found = files.flatMap { WordRules.unsafeViolations(of: $0, allowed: map.unsafeFiles) }
    #expect(found == [])
    // A file that became safe, or is gone, goes off the list.
    let stale = map.unsafeFiles.filter { name in
      let file = files.first { $0.path == "Sources/\(name)" }
      return file?.source.code.contains(/\bunsafe\b|@unchecked\b/) != true
    }
    #expect(stale == [])
  }

  @Test(
    "the checker finds each banned word in code",
    arguments: [
      "let a = try! b()", "let a = b as! C", "fatalError(\"x\")", "let a = b!", "a!.b()",
      "f(a)!", "a[0]!", "let a: Int! = nil", "print(1)", "  debugPrint(a)", "x { print(a) }",
      "let s = \"\\(a!)\"",
    ])
  func bannedControl(code: String) {
    let file = SourceFile(path: "Sources/M/A.swift", text: code)
    #expect(WordRules.violations(of: file, allowsPrinting: false).count == 1)
  }

  @Test(
    "the checker leaves other code, comments and strings alone",
    arguments: [
      "if a != b {}", "if !a && !(b) {}", "// try! print(1) a!", "/* as! /* fatalError */ a! */",
      "let s = \"try! a! print(\"", "let s = #\"\"a!\"\"#", "sprint(1)", "a.print(1)",
      "let s = \"\"\"\n  print(a!)\n  \"\"\"", "let s = \"\\(a != b) fatalError\"", "!isA",
      "a !== b",
      "let s = \"\\\"\"; let t = \"a!\"",
    ])
  func allowedControl(code: String) {
    let file = SourceFile(path: "Sources/M/A.swift", text: code)
    #expect(WordRules.violations(of: file, allowsPrinting: false) == [])
  }

  @Test("printing is for the commands alone")
  func printing() {
    let file = SourceFile(path: "Sources/M/A.swift", text: "print(1)")
    #expect(WordRules.violations(of: file, allowsPrinting: true) == [])
  }

  @Test("the checker finds unsafe code that is not listed or has no reason")
  func unsafeControl() {
    func violations(_ text: String, _ allowed: [String]) -> Int {
      let file = SourceFile(path: "Sources/M/A.swift", text: text)
      return WordRules.unsafeViolations(of: file, allowed: allowed).count
    }
    #expect(violations("// SAFETY: checked.\nunsafe f()", ["M/A.swift"]) == 0)
    #expect(violations("unsafe f()", ["M/A.swift"]) == 1)
    #expect(violations("// SAFETY: checked.\nunsafe f()", []) == 1)
    #expect(violations("final class A: @unchecked Sendable {}", []) == 1)
    #expect(violations("// unsafe\nlet unsafePart = \"unsafe\"", []) == 0)
  }
}
