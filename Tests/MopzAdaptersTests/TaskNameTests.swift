import MopzAdapters
import Testing

@Suite("Names")
struct TaskNameTests {
  @Test(
    "a task's name may hold anything but control characters",
    arguments: ["a", "ü/#@", "..", "日本", String(repeating: "x", count: 255)])
  func valid(_ name: String) { #expect(TaskName.isValid(name)) }

  @Test(
    "an empty, long or unprintable name is refused",
    arguments: ["", "a\n", "\u{0}", "a\u{7F}", "\u{9F}", String(repeating: "x", count: 256)])
  func invalid(_ name: String) { #expect(!TaskName.isValid(name)) }

  @Test("a file's name is no path", arguments: ["a/b", "a\\b", ".", "..", "/", ""])
  func path(_ name: String) { #expect(!TaskName.isValidFileName(name)) }

  @Test("a file's name may begin with dots", arguments: [".hidden", "...", "a.b"])
  func file(_ name: String) { #expect(TaskName.isValidFileName(name)) }
}
