import MopzBytes
import Testing

@Suite struct ExactNameTests {
  @Test("names are equal and ordered by their bytes")
  func bytes() {
    #expect(ExactName("é") != ExactName("e\u{301}"))
    #expect(Set([ExactName("é"), ExactName("e\u{301}"), ExactName("é")]).count == 2)
    // U+FF5E is E.. in UTF-8 and comes before U+1F600, F0..; in UTF-16 it would not.
    #expect(
      ["\u{1F600}", "\u{FF5E}", "z", "", "a"].map(ExactName.init).sorted().map(\.string)
        == ["", "a", "z", "\u{FF5E}", "\u{1F600}"])
    #expect(ExactName("a") < ExactName("aa") && !(ExactName("a") < ExactName("a")))
  }

  @Test("names that are canonically equivalent do not share a hash")
  func hashes() {
    // Orders of combining marks: all equivalent, all different bytes.
    let names = ["\u{323}\u{307}", "\u{307}\u{323}"].map { ExactName("a" + $0) }
    #expect(names[0].string == names[1].string)
    #expect(names[0] != names[1] && names[0].hashValue != names[1].hashValue)
    #expect(ExactName("").hashValue == ExactName("").hashValue)
  }

  @Test("a quoted name is safe to print")
  func quoted() {
    #expect("a\"\\\n\u{1B}[31m\u{0}\u{202E}é".quoted == #""a\"\\\n\u{1b}[31m\u{0}\u{202e}é""#)
    let long = String(repeating: "x", count: 1000).quoted
    #expect(long.count == 163 && long.contains("…"))
    #expect(String(repeating: "x", count: 160).quoted.count == 162)
  }
}
