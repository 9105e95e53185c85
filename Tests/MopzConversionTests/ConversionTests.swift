import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSafetensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Conversion and export")
struct ConversionTests {
  static func convert(
    _ arguments: [SourceArgument], _ options: Conversion.Options = .init(),
    in folder: TemporaryFolder,
    as name: String = "out.mopz"
  ) throws -> ConversionReport {
    try Conversion(of: arguments, to: folder(name), options: options).run()
  }

  static func source(_ path: String, as name: String? = nil) throws -> SourceArgument {
    let path = Fixtures.path("foreign/\(path)")
    return name == nil ? SourceArgument(path: path) : try SourceArgument("\(name ?? "")=\(path)")
  }

  /// All foreign adapters, each under the name of its path.
  static func everything() throws -> [(source: SourceArgument, path: FilePath)] {
    let directories = ForeignAdapterTests.entries.map { Fixtures.path($0.path) }
    let files = try ForeignAdapterTests.json("foreign/files.json").compactMap {
      $0["path"]?.stringValue
    }.map { Fixtures.path("foreign/\($0)") }
    return try (directories + files).map { path in
      let parts = path.string.split(separator: "/").suffix(2).joined(separator: ":")
      return (try SourceArgument("\(parts)=\(path)"), path)
    }
  }

  @Test("every foreign adapter comes back byte for byte")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let all = try Self.everything()
    let report = try Self.convert(all.map(\.source), in: folder)
    #expect(report.tasks.count == all.count)
    let container = try Container(opening: folder("out.mopz"))
    for (index, (source, path)) in all.enumerated() {
      let task = try container.task(named: try #require(source.name))
      let target = folder("export-\(index)")
      let isDirectory = try path.isDirectory()
      _ = try Export(of: task, in: "x.mopz", to: isDirectory ? .peft : .safetensors, at: target)
        .run()
      if isDirectory {
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
          expectSameBytes(
            try Bytes(mapping: target.appending(name)), try Bytes(mapping: path.appending(name)),
            "\(path)/\(name)")
        }
        #expect(try target.directoryEntries().count == 2)
      } else {
        let name = try #require(path.lastComponent)
        expectSameBytes(try Bytes(mapping: target.appending(name)), try Bytes(mapping: path))
        #expect(try target.directoryEntries().count == 1)
      }
    }
  }

  @Test("files with odd headers come back byte for byte")
  func oddHeaders() throws {
    let folder = try TemporaryFolder()
    for entry in try Fixtures.path("valid/safetensors").directoryEntries()
    where entry.name.string.hasSuffix(".safetensors") {
      let source = SourceArgument(path: entry.path)
      let name = "\(entry.name.stem).mopz"
      do throws(ConversionError) {
        _ = try Conversion(of: [source], to: folder(name)).run()
      } catch .refused(let refusal) {
        // A file without tensors is no adapter.
        #expect(refusal.rule == .source)
        continue
      }
      let container = try Container(opening: folder(name))
      let target = folder("\(entry.name.stem)")
      _ = try Export(of: try container.task(at: 0), in: "x.mopz", to: .safetensors, at: target)
        .run()
      expectSameBytes(
        try Bytes(mapping: target.appending(entry.name)), try Bytes(mapping: entry.path),
        entry.name.string)
    }
  }

  @Test("the order of the sources and the number of threads change nothing")
  func determinism() throws {
    let folder = try TemporaryFolder()
    let all = try Self.everything().map(\.source)
    _ = try Self.convert(all, .init(threads: WorkerThreads(count: 1)), in: folder, as: "a.mopz")
    _ = try Self.convert(
      all.reversed(), .init(threads: WorkerThreads(count: 7)), in: folder, as: "b.mopz")
    expectSameBytes(try Bytes(mapping: folder("a.mopz")), try Bytes(mapping: folder("b.mopz")))
    // The comparison sees a difference where there is one.
    _ = try Self.convert(Array(all.dropLast()), in: folder, as: "c.mopz")
    let a = try Bytes(mapping: folder("a.mopz"))
    let c = try Bytes(mapping: folder("c.mopz"))
    let isSame = a.span.hasSameBytes(as: c.span)
    #expect(!isSame)
  }

  @Test("the same adapter under two names costs its record alone")
  func deduplication() throws {
    let folder = try TemporaryFolder()
    let one = try Self.convert(
      [Self.source("adapters/llama-f32/lora-all", as: "a")], in: folder, as: "one.mopz")
    let two = try Self.convert(
      [
        Self.source("adapters/llama-f32/lora-all", as: "a"),
        Self.source("adapters/llama-f32/lora-all", as: "b"),
      ], in: folder, as: "two.mopz")
    #expect(two.blockCount == one.blockCount)
    #expect(two.savedByteCount == one.inputByteCount)
    let record = try Container(opening: folder("two.mopz")).task(named: "a").recordByteCount
    #expect(two.outputByteCount - one.outputByteCount < record + 256)
    let inspection = try Inspection(of: folder("two.mopz"), withAnatomy: false)
    #expect(inspection.tasks.map(\.privateByteCount) == [0, 0])
    #expect(inspection.savedByteCount == two.savedByteCount)
    #expect(inspection.blockCount == two.blockCount)
  }

  @Test("adapters of several bases lie in one file, each with its own record")
  func bases() throws {
    let folder = try TemporaryFolder()
    for model in ["llama-f32", "gpt2-f32"] {
      let base = try Checkpoint(opening: Fixtures.path("foreign/models/\(model)"))
      let report = try Self.convert(
        [Self.source("adapters/\(model)/lora-all", as: model)], .init(base: base), in: folder,
        as: "\(model).mopz")
      #expect(report.tasks.map(\.name) == [model])
    }
    let joined = try Self.convert(
      ["llama-f32", "gpt2-f32"].map { SourceArgument(path: folder("\($0).mopz")) }, in: folder,
      as: "joined.mopz")
    #expect(joined.tasks.map(\.name) == ["gpt2-f32", "llama-f32"])
    let container = try Container(opening: folder("joined.mopz"))
    let gpt2 = try #require(container.task(named: "gpt2-f32").adapter().baseRecord)
    let llama = try #require(container.task(named: "llama-f32").adapter().baseRecord)
    #expect(gpt2.architecture.contains("GPT2"))
    #expect(gpt2 != llama)
    let base = try Checkpoint(opening: Fixtures.path("foreign/models/llama-f32"))
    #expect(llama == BaseRecord(of: base))
  }

  @Test("a task that was recorded for another base is refused")
  func otherBase() throws {
    let folder = try TemporaryFolder()
    let llama = try Checkpoint(opening: Fixtures.path("foreign/models/llama-f32"))
    let gpt2 = try Checkpoint(opening: Fixtures.path("foreign/models/gpt2-f32"))
    _ = try Self.convert(
      [Self.source("adapters/llama-f32/rank-1")], .init(base: llama), in: folder, as: "a.mopz")
    let again = SourceArgument(path: folder("a.mopz"))
    _ = try Self.convert([again], .init(base: llama), in: folder, as: "b.mopz")
    expectSameBytes(try Bytes(mapping: folder("a.mopz")), try Bytes(mapping: folder("b.mopz")))
    #expect {
      _ = try Self.convert([again], .init(base: gpt2), in: folder, as: "c.mopz")
    } throws: { error in
      guard case ConversionError.refused(let refusal) = error else { return false }
      return refusal.rule == .base && refusal.message.contains("GPT2")
    }
    #expect(try folder.names() == ["a.mopz", "b.mopz"])
  }

  @Test("an output that exists is refused unless force says otherwise")
  func existing() throws {
    let folder = try TemporaryFolder()
    try folder.write("out.mopz", "something")
    let sources = [try Self.source("adapters/llama-f32/rank-1")]
    #expect {
      _ = try Self.convert(sources, in: folder)
    } throws: { ($0 as? ConversionError)?.systemError?.isExistingOutput == true }
    expectSameBytes(try Bytes(mapping: folder("out.mopz")), Bytes(utf8: "something"))
    _ = try Self.convert(sources, .init(force: true), in: folder)
    #expect(try Container(opening: folder("out.mopz")).taskCount == 1)
  }

  @Test("a dry run plans everything and writes nothing")
  func dryRun() throws {
    let folder = try TemporaryFolder()
    let sources = [try Self.source("adapters/llama-f32/rank-1")]
    let dry = try Conversion(of: sources, to: folder("out.mopz")).run(isDryRun: true)
    #expect(try folder.names() == [])
    let report = try Self.convert(sources, in: folder)
    #expect(dry == report)
    #expect(report.outputByteCount == (try Bytes(mapping: folder("out.mopz")).count))
  }

  @Test("a refused source leaves nothing behind")
  func nothingLeft() throws {
    let folder = try TemporaryFolder()
    let bad = SourceArgument(path: Fixtures.path("invalid/adapters/extra-tensor"))
    #expect(throws: ConversionError.self) { try Self.convert([bad], in: folder) }
    #expect(try folder.names() == [])
  }

  @Test("values that a merge refuses are carried with a warning")
  func values() throws {
    let folder = try TemporaryFolder()
    for (path, isWarned) in [
      ("invalid/adapters/nan", true), ("invalid/adapters/infinity", true),
      ("foreign/adapters/llama-f32/zero", true), ("foreign/adapters/llama-f32/rank-1", false),
    ] {
      let report = try Self.convert(
        [SourceArgument(path: Fixtures.path(path))], in: folder,
        as: path.split(separator: "/").joined(separator: "-"))
      let warnings = report.findings.filter { $0.rule == "VALUES" && $0.severity == .warning }
      #expect(warnings.isEmpty != isWarned, "\(path)")
    }
  }

  @Test("a task without PEFT's configuration is exported as safetensors only")
  func exportForms() throws {
    let folder = try TemporaryFolder()
    _ = try Self.convert([Self.source("kohya/llama-f32-kohya.safetensors", as: "k")], in: folder)
    let task = try Container(opening: folder("out.mopz")).task(named: "k")
    #expect {
      _ = try Export(of: task, in: "x.mopz", to: .peft, at: folder("x")).run()
    } throws: { "\($0)".contains("--to safetensors") }
    let dry = try Export(of: task, in: "x.mopz", to: .safetensors, at: folder("x")).run(
      isDryRun: true)
    #expect(dry.files.map(\.name) == ["llama-f32-kohya.safetensors"])
    #expect(try folder.names() == ["out.mopz"])
    _ = try Export(of: task, in: "x.mopz", to: .safetensors, at: folder("x")).run()
    #expect {
      _ = try Export(of: task, in: "x.mopz", to: .safetensors, at: folder("x")).run()
    } throws: { ($0 as? ConversionError)?.systemError?.isExistingOutput == true }
    _ = try Export(of: task, in: "x.mopz", to: .safetensors, at: folder("x"), force: true).run()
    #expect(try folder("x").directoryEntries().count == 1)
  }

  @Test("an interrupted conversion leaves nothing behind")
  func interrupted() throws {
    let folder = try TemporaryFolder()
    let sources = [try Self.source("adapters/llama-f32/rank-1")]
    Cancellation.withIsolatedFlag {
      Cancellation.request()
      #expect {
        _ = try Conversion(
          of: sources, to: folder("out.mopz"), options: .init(threads: WorkerThreads(count: 1))
        ).run()
      } throws: { error in
        if case ConversionError.interrupted = error { true } else { false }
      }
    }
    #expect(try folder.names() == [])
  }
}

@Suite("Conversion with a base")
struct BaseCheckTests {
  static func refusal(_ adapter: String, base: String) throws -> Refusal? {
    let folder = try TemporaryFolder()
    let base = try Checkpoint(opening: Fixtures.path("foreign/models/\(base)"))
    do {
      _ = try ConversionTests.convert(
        [SourceArgument(path: Fixtures.path(adapter))], .init(base: base), in: folder)
      return nil
    } catch ConversionError.refused(let refusal) {
      return refusal
    }
  }

  @Test(
    "an adapter that does not fit the base is refused",
    arguments: ["unknown-module", "unknown-layer", "wrong-base", "wrong-shape"])
  func misfit(_ name: String) throws {
    let refusal = try #require(try Self.refusal("invalid/adapters/\(name)", base: "llama-f32"))
    #expect(refusal.rule == .base)
  }

  @Test("every adapter of the manifest fits its own base", arguments: ForeignAdapterTests.entries)
  func fit(_ entry: ForeignAdapterTests.Entry) throws {
    let parts = entry.path.split(separator: "/")
    #expect(try Self.refusal(entry.path, base: String(parts[parts.count - 2])) == nil)
  }
}
