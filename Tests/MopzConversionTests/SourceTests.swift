import MopzAdapters
import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Sources")
struct SourceTests {
  static let adapter = Fixtures.path("foreign/adapters/llama-f32/rank-1")
  static let weights = adapter.appending("adapter_model.safetensors")
  static let config = adapter.appending("adapter_config.json")

  /// Copies an adapter into a new folder.
  static func copyAdapter(to folder: FilePath, config: Bool = true) throws {
    try folder.createDirectory()
    try copy(weights, to: folder.appending("adapter_model.safetensors"))
    if config { try copy(Self.config, to: folder.appending("adapter_config.json")) }
  }

  static func copy(_ source: FilePath, to target: FilePath) throws {
    let bytes = try Bytes(mapping: source)
    var file = try OutputFile(creating: target)
    try file.append(bytes.span)
    try file.close()
  }

  static func names(_ path: FilePath) throws -> [String] {
    try SourceArgument(path: path).sources().map(\.name)
  }

  static func refusal(_ path: FilePath) throws -> Refusal? {
    do {
      _ = try SourceArgument(path: path).sources()
      return nil
    } catch ConversionError.refused(let refusal) {
      return refusal
    }
  }

  @Test(
    "NAME= counts only where the whole is no path and NAME has no slash",
    arguments: [
      ("x=a/b", [], "x", "a/b"), ("x=a/b", ["x=a/b"], nil, "x=a/b"), ("a/x=b", [], nil, "a/x=b"),
      ("a=b=c", [], "a", "b=c"), ("plain", [], nil, "plain"), ("a@b#c=p", [], "a@b#c", "p"),
    ] as [(String, [String], String?, String)])
  func arguments(_ text: String, _ existing: [String], _ name: String?, _ path: String) throws {
    let argument = try SourceArgument(text) { existing.contains($0.string) }
    #expect(argument.name == name)
    #expect(argument.path.string == path)
  }

  @Test(
    "names that are not allowed are refused",
    arguments: ["", "a\u{7}b", "a\nb", "a\u{85}b", String(repeating: "é", count: 128)])
  func badNames(_ name: String) {
    #expect(throws: Refusal.self) { try SourceArgument("\(name)=p") { _ in false } }
  }

  @Test("slashes, signs and 255 bytes are allowed in names")
  func goodNames() throws {
    for name in ["a/b", "a@0.5", "a#b", "é", String(repeating: "x", count: 255)] {
      try TaskName.validate(name)
    }
  }

  @Test("an adapter's directory is one task, named as the directory is")
  func directory() throws {
    let source = try #require(SourceArgument(path: Self.adapter).sources().first)
    #expect(source.name == "rank-1")
    #expect(try source.imported().adapter.kind.rawValue == "lora")
    let named = try SourceArgument("other=\(Self.adapter)").sources()
    #expect(named.map(\.name) == ["other"])
  }

  @Test("a directory of directories is one task each, and other files are noted")
  func collection() throws {
    let folder = try TemporaryFolder()
    for name in ["b-task", "a.v1.5"] { try Self.copyAdapter(to: folder(name)) }
    try folder.write("README.md", "x")
    let sources = try SourceArgument(path: folder.path).sources()
    #expect(sources.map(\.name) == ["a.v1.5", "b-task"])
    #expect(sources.flatMap(\.findings).contains { $0.message.contains("README.md") })
  }

  @Test("a folder that is no adapter is refused by its name")
  func notAnAdapter() throws {
    let folder = try TemporaryFolder()
    try Self.copyAdapter(to: folder("task"))
    try folder("runs").createDirectory()
    let refusal = try #require(try Self.refusal(folder.path))
    #expect(refusal.subject.hasSuffix("/runs"))
    #expect(refusal.rule == .source)
  }

  @Test("an adapter that PEFT named lies one folder deeper")
  func namedAdapters() throws {
    let folder = try TemporaryFolder()
    try folder("task").createDirectory()
    try Self.copyAdapter(to: folder("task").appending("en"))
    #expect(try Self.names(folder.path) == ["task"])
    try Self.copyAdapter(to: folder("task").appending("de"))
    try Self.copyAdapter(to: folder("zulu"))
    #expect(try Self.names(folder.path) == ["task/de", "task/en", "zulu"])
  }

  @Test("files beside the weights are listed, and adapters further down are warned of")
  func beside() throws {
    let folder = try TemporaryFolder()
    try Self.copyAdapter(to: folder("task"))
    try Self.copyAdapter(to: folder("task").appending("checkpoint-5"))
    try Self.copy(Self.config, to: folder("task").appending("optimizer.pt"))
    let source = try #require(SourceArgument(path: folder("task")).sources().first)
    #expect(source.name == "task")
    #expect(source.findings.contains { $0.message.contains("optimizer.pt") })
    let warning = source.findings.filter { $0.severity == .warning }
    #expect(warning.count == 1 && warning[0].message.contains("checkpoint-5"))
  }

  @Test("pickled weights are refused, saying what to do")
  func pickle() throws {
    let folder = try TemporaryFolder()
    try folder("task").createDirectory()
    try Self.copy(Self.config, to: folder("task").appending("adapter_config.json"))
    try Self.copy(Self.weights, to: folder("task").appending("adapter_model.bin"))
    let refusal = try #require(try Self.refusal(folder("task")))
    #expect(refusal.rule == .pickle)
    #expect(refusal.message.contains("adapter_model.bin"))
    // Beside safetensors, the pickle is only noted.
    try Self.copy(Self.weights, to: folder("task").appending("adapter_model.safetensors"))
    #expect(try Self.refusal(folder("task")) == nil)
  }

  @Test("a model, a configuration alone and an empty directory are refused")
  func noAdapter() throws {
    let model = try #require(try Self.refusal(Fixtures.path("foreign/models/llama-f32")))
    #expect(model.message.contains("model"))
    let alone = try #require(try Self.refusal(Fixtures.path("invalid/adapters/weights-missing")))
    #expect(alone.message.contains("adapter_model"))
    let folder = try TemporaryFolder()
    #expect(try Self.refusal(folder.path)?.rule == .source)
  }

  @Test("a weights file is one task; a configuration beside it is warned of")
  func file() throws {
    let sources = try SourceArgument(path: Self.weights).sources()
    #expect(sources.map(\.name) == ["adapter_model"])
    #expect(sources[0].findings.contains { $0.severity == .warning })
  }

  @Test("two adapters of one name are refused, naming both")
  func duplicates() throws {
    let arguments = [
      SourceArgument(path: Self.adapter),
      SourceArgument(path: Fixtures.path("foreign/adapters/llama-f32/lora-all")),
    ]
    #expect(try arguments.sources().map(\.name) == ["lora-all", "rank-1"])
    let twice = try [arguments[0], SourceArgument("rank-1=\(arguments[1].path)")]
    #expect {
      _ = try twice.sources()
    } throws: { error in
      guard case ConversionError.refused(let refusal) = error else { return false }
      return refusal.rule == .taskName && refusal.message.contains("lora-all")
        && refusal.message.contains("rank-1")
    }
  }

  @Test("one name for several adapters is refused")
  func nameForSeveral() throws {
    let argument = try SourceArgument("x=\(Fixtures.path("foreign/adapters/convnet-f32"))")
    #expect(throws: ConversionError.self) { try argument.sources() }
  }

  @Test("a source that does not exist is an error of the system")
  func missing() throws {
    #expect {
      _ = try SourceArgument("nowhere/at/all").sources()
    } throws: { error in
      guard case ConversionError.system(let cause) = error else { return false }
      return cause.errno == .noSuchFileOrDirectory
    }
  }

  @Test("a pipe is refused, not read")
  func special() throws {
    #expect(try Self.refusal("/dev/null")?.rule == .source)
  }
}
