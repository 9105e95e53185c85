import MopzBytes
import MopzConversion
import MopzTestSupport
import SystemPackage
import Testing

@Suite("The example of the README")
struct ReadmeExampleTests {
  @Test("runs on a container of two tasks")
  func runs() throws {
    let folder = try TemporaryFolder()
    let adapter = Fixtures.path("foreign/adapters/llama-f32/lora-all").string
    let sources = try ["support=\(adapter)", "legal=\(adapter)"].map { try SourceArgument($0) }
    _ = try Conversion(of: sources, to: folder("team.mopz")).run()
    var lines: [String] = []
    try ReadmeExample.run(folder("team.mopz")) { lines.append($0) }
    #expect(lines.prefix(2) == ["legal", "support"])
    #expect(lines.filter { $0.contains("F32 [") }.count == 28)
    #expect(lines.filter { $0.contains("2.0 · B·A, rank 4") }.count == 14)
  }

  @Test("stands in the README word for word")
  func standsInReadme() throws {
    let root = Fixtures.repositoryRoot
    let code = try text(root.appending("Tests/MopzTests/ReadmeExample.swift"))
    let readme = try text(root.appending("README.md"))
    let lines = code.split(separator: "\n", omittingEmptySubsequences: false)
    let begin = try #require(lines.firstIndex { $0.hasSuffix("// README begin") })
    let end = try #require(lines.firstIndex { $0.hasSuffix("// README end") })
    let example = lines[(begin + 1)..<end].map { $0.dropFirst(4) }.joined(separator: "\n")
    #expect(readme.contains(example))
    #expect(!readme.contains(example.replacing("support", with: "legal")))
  }

  private func text(_ path: FilePath) throws -> String {
    let bytes = try Bytes(mapping: path)
    return String(decoding: (0..<bytes.count).map { bytes.span.byte(at: $0) }, as: UTF8.self)
  }
}
