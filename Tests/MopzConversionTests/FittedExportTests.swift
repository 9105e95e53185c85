import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Fitted tasks as plain LoRA")
struct FittedExportTests {
  /// Foreign adapters of low rank, as paths below the fixtures.
  static let paths: [String] =
    ForeignAdapterTests.entries.filter {
      ["lora", "dora", "mos"].contains($0.kind) && $0.outcome == "merged"
    }.map(\.path)
    + ((try? ForeignAdapterTests.json("foreign/files.json")) ?? []).compactMap {
      $0["path"]?.stringValue.map { "foreign/\($0)" }
    }

  /// An adapter, and the same fitted by hand.
  static func fitted(
    _ path: String, noise: Double = 1e-3
  ) throws -> (source: Adapter, task: Adapter)? {
    let source = try ForeignAdapterTests.imported(path).adapter
    guard source.factorNames != nil else { return nil }
    var generator = SeededGenerator(seed: 1)
    let task = try FittedFamily(of: [source], noise: noise, using: &generator).adapters[0]
    return task.isFitted ? (source, task) : nil
  }

  /// Writes a task into a container, checks that, and exports the task.
  static func export(
    _ task: Adapter, to format: Export.Format, in folder: TemporaryFolder
  ) throws -> FilePath {
    try ContainerWriter.write([task], to: folder("a.mopz"))
    #expect(
      try ContainerVerification(of: Bytes(mapping: folder("a.mopz")), requiresCanonicalForm: true)
        .findings == [])
    let mapped = try Container(opening: folder("a.mopz")).task(named: task.name)
    _ = try Export(of: mapped, in: "a.mopz", to: format, at: folder("out")).run()
    return folder("out")
  }

  @Test(
    "the task has nothing that the source has not, and lacks only what it replaces",
    arguments: paths)
  func compared(_ path: String) throws {
    guard let (source, task) = try Self.fitted(path) else { return }
    #expect(FittedComparisonTests.findings(task, source).map(\.message) == [])
    // One more tensor that is gone, or that was kept, is found.
    guard let kept = task.sourceTensors.first else { return }
    var missing = task
    missing.sourceTensors.removeFirst()
    #expect(
      FittedComparisonTests.findings(missing, source).contains { $0.message.contains("missing") },
      "\(kept.name)")
  }

  @Test("most foreign adapters of low rank can be fitted")
  func coverage() throws {
    let count = try Self.paths.count { try Self.fitted($0) != nil }
    #expect(count > 25)
  }

  @Test("an export is read again, and gives the same updates", arguments: paths)
  func again(_ path: String) throws {
    guard let (source, task) = try Self.fitted(path) else { return }
    let folder = try TemporaryFolder()
    let isDirectory = try Fixtures.path(path).isDirectory()
    let output = try Self.export(task, to: isDirectory ? .peft : .safetensors, in: folder)
    let argument =
      isDirectory
      ? SourceArgument(path: output) : SourceArgument(path: try output.directoryEntries()[0].path)
    let back = try #require(argument.sources().first).imported().adapter
    #expect(back.kind == (source.kind == .mixtureOfShards ? .lora : source.kind))
    try Self.expectSameUpdates(back, task, source)
    // What was not fitted is there bit by bit.
    for tensor in task.sourceTensors {
      let other = try #require(back.sourceTensors.first { $0.name == tensor.name })
      guard case .block(let x) = tensor.content, case .block(let y) = other.content else {
        continue
      }
      expectSameBytes(back.blocks[y].bytes, task.blocks[x].bytes, tensor.name)
    }
    #expect(
      Set(back.sourceTensors.map(\.name)).isSubset(of: Set(source.sourceTensors.map(\.name)))
        || back.sourceTensors.contains { $0.name.hasSuffix(".alpha") })
  }

  /// Every fitted update within rounding, with the multiplier of the source.
  static func expectSameUpdates(_ back: Adapter, _ task: Adapter, _ source: Adapter) throws {
    let places = Dictionary(
      uniqueKeysWithValues: back.targets.enumerated().map { ($1.identity, $0) })
    #expect(places.count == task.targets.count)
    for (target, original) in zip(task.targets, source.targets) where target.relativeError != nil {
      let other = back.targets[try #require(places[target.identity])]
      #expect(other.layout == original.layout)
      let (scale, expected) = (other.terms[0].scaling, original.terms[0].scaling)
      #expect(abs(scale - expected) <= 1e-6 * abs(expected), "\(target.module)")
      let (difference, norm) = try FittedFamily.squares(other, back, target, task)
      #expect(difference <= 1e-12 * norm, "\(target.module)")
      // The source is near the fit, but not the same.
      let (noise, _) = try FittedFamily.squares(original, source, target, task)
      #expect(noise > 1e-12 * norm || norm == 0, "\(target.module)")
    }
  }

  @Test("nothing of a configuration changes but ranks and alphas")
  func configuration() throws {
    let path = "foreign/adapters/llama-f32/rslora"
    let (_, task) = try #require(try Self.fitted(path))
    let folder = try TemporaryFolder()
    let output = try Self.export(task, to: .peft, in: folder)
    func fields(_ path: FilePath) throws -> JSONObject {
      let bytes = try Bytes(mapping: path.appending("adapter_config.json"))
      return try #require(JSON(parsing: bytes.span).objectValue)
    }
    let (before, after) = (try fields(Fixtures.path(path)), try fields(output))
    #expect(Array(before.keys) == Array(after.keys))
    let changed = before.filter { after[$0.key] != $0.value }.map(\.key)
    #expect(
      Set(changed).isSubset(of: ["r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora"]))
    #expect(before["use_rslora"] == true)
    #expect(after["use_rslora"] == false)
    #expect(try output.directoryEntries().count == 2)
  }

  @Test("weights without their configuration say their ranks and alphas themselves")
  func weightsAlone() throws {
    let (source, task) = try #require(try Self.fitted("foreign/adapters/llama-f32/lora-all"))
    let folder = try TemporaryFolder()
    let output = try Self.export(task, to: .safetensors, in: folder)
    let file = output.appending("adapter_model.safetensors")
    let back = try #require(SourceArgument(path: file).sources().first).imported().adapter
    try Self.expectSameUpdates(back, task, source)
  }

  @Test("a record that is missing or unsound is refused by name")
  func unsound() throws {
    let (_, task) = try #require(try Self.fitted("foreign/adapters/llama-f32/rank-1"))
    for property in task.properties where property.key.hasPrefix("mopz.fit.") {
      var changed = task
      changed.properties.removeAll { $0 == property }
      let folder = try TemporaryFolder()
      let error = #expect(throws: ConversionError.self) {
        try Self.export(changed, to: .peft, in: folder)
      }
      #expect(error.map { "\($0)".contains("record of the fit") } == true, "\(property.key)")
      #expect(try !folder("out").exists())
    }
  }
}
