import MopzBytes
import Testing

@Suite("Edit distances")
struct EditDistanceTests {
  @Test(
    "count insertions, deletions and replacements",
    arguments: [
      ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2),
      ("support", "suport", 1), ("q_proj", "k_proj", 1),
    ])
  func known(_ a: String, _ b: String, _ distance: Int) {
    #expect(Array(a.utf8).editDistance(to: Array(b.utf8)) == distance)
    #expect(Array(b.utf8).editDistance(to: Array(a.utf8)) == distance)
  }
}
