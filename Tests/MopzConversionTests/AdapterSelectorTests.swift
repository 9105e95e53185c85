import MopzAdapters
import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Selectors")
struct AdapterSelectorTests {
  let folder: TemporaryFolder
  let file: FilePath

  /// Tasks whose names hold the signs that selectors use.
  static let names = ["plain", "a@0.5", "a@0.5@x", "x#y", "t@2", "t", "a.mopz#b"]

  init() throws {
    folder = try TemporaryFolder()
    file = folder("f.mopz")
    let adapter = Fixtures.path("foreign/adapters/llama-f32/rank-1")
    let sources = try Self.names.map { try SourceArgument("\($0)=\(adapter)") }
    _ = try Conversion(of: sources, to: file).run()
  }

  func task(_ name: String) -> AdapterSelector.Place { .task(container: file, name: name) }

  @Test(
    "the whole rest is a name if there is one, else a scale is cut off",
    arguments: [
      ("plain", "plain", 1), ("plain@0.5", "plain", 0.5), ("plain@-1", "plain", -1),
      ("plain@1e-3", "plain", 1e-3), ("plain@+2.", "plain", 2), ("plain@.5", "plain", 0.5),
      ("a@0.5", "a@0.5", 1), ("a@0.5@2", "a@0.5", 2), ("a@0.5@x", "a@0.5@x", 1),
      ("a@0.5@x@3", "a@0.5@x", 3), ("x#y", "x#y", 1), ("x#y@0", "x#y", 0), ("t@2", "t@2", 1),
      ("t@3", "t", 3), ("t@2@4", "t@2", 4), ("a.mopz#b", "a.mopz#b", 1),
    ] as [(String, String, Double)])
  func containerTasks(_ rest: String, _ name: String, _ scale: Double) throws {
    let selector = try AdapterSelector("\(file)#\(rest)")
    #expect(selector.place == task(name))
    #expect(selector.scale == scale)
  }

  @Test(
    "a scale that is no finite decimal number is a matter of usage",
    arguments: [
      "nan", "inf", "-infinity", "0x1p3", "1e999", "", "1,5", "1_0", " 1", "1e", "e5", ".", "x",
    ])
  func usage(_ scale: String) throws {
    for text in [
      "\(file)#plain@\(scale)", "\(Fixtures.path("foreign/adapters/llama-f32/rank-1"))@\(scale)",
    ] {
      #expect {
        _ = try AdapterSelector(text)
      } throws: { error in
        if case ConversionError.usage = error { true } else { false }
      }
    }
  }

  @Test("an unknown task is refused with the nearest names")
  func unknown() throws {
    for rest in ["plane", "plane@0.5"] {
      #expect {
        _ = try AdapterSelector("\(file)#\(rest)")
      } throws: { error in
        guard case ConversionError.refused(let refusal) = error else { return false }
        return refusal.rule == .task && refusal.message.contains("\"plain\"")
      }
    }
  }

  @Test("a path that exists is that path, whatever signs it holds")
  func paths() throws {
    try SourceTests.copyAdapter(to: folder("odd@2"))
    #expect(try AdapterSelector("\(folder("odd@2"))").scale == 1)
    let selector = try AdapterSelector("\(folder("odd@2"))@3")
    #expect(selector.place == .path(folder("odd@2")))
    #expect(selector.scale == 3)
    try SourceTests.copyAdapter(to: folder("f.mopz#plain"))
    #expect(try AdapterSelector("\(file)#plain").place == .path(folder("f.mopz#plain")))
  }

  @Test("the first container that exists is the one that is meant")
  func nested() throws {
    let inner = folder("b.mopz#dir")
    try inner.createDirectory()
    let adapter = Fixtures.path("foreign/adapters/llama-f32/rank-1")
    let path = inner.appending("c.mopz")
    _ = try Conversion(of: [SourceArgument("k=\(adapter)")], to: path).run()
    // `b.mopz` does not exist, so the first `.mopz#` splits nothing.
    #expect(try AdapterSelector("\(path)#k").place == .task(container: path, name: "k"))
  }

  @Test("what is not there is an error of the system")
  func missing() throws {
    for text in ["nowhere", "nowhere@1", "nowhere.mopz#t", "nowhere@x"] {
      #expect {
        _ = try AdapterSelector(text)
      } throws: { ($0 as? ConversionError)?.systemError?.errno == .noSuchFileOrDirectory }
    }
  }

  @Test("a selector gives the adapter and the scale")
  func resolution() throws {
    let task = try AdapterSelector("\(file)#plain@0.5").resolved()
    #expect(task.adapter.name == "plain")
    #expect(task.scale == 0.5)
    let directory = try AdapterSelector("\(Fixtures.path("foreign/adapters/llama-f32/dora"))")
      .resolved()
    #expect(directory.adapter.kind == .dora)
    #expect(directory.adapter.name == "dora")
  }

  @Test("a path with several adapters is refused, one with a single task is it")
  func several() throws {
    #expect {
      _ = try AdapterSelector("\(file)").resolved()
    } throws: { error in
      guard case ConversionError.refused(let refusal) = error else { return false }
      return refusal.rule == .task && refusal.message.contains("7 adapters")
    }
    let adapter = Fixtures.path("foreign/adapters/llama-f32/rank-1")
    let single = folder("single.mopz")
    _ = try Conversion(of: [SourceArgument("only=\(adapter)")], to: single).run()
    #expect(try AdapterSelector("\(single)").resolved().adapter.name == "only")
    #expect(try AdapterSelector("\(single)@2").resolved().scale == 2)
  }
}
