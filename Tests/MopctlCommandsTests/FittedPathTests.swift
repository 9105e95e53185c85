import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSafetensors
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopctlCommands

@Suite("A fitted container, from the sources to the merge")
struct FittedPathTests {
  private static let base = String.foreign("models/llama-f32")
  /// One adapter in three types, and one of another rank.
  private static let sources = ["lora-all", "stored-bf16", "stored-f16", "rank-1"].map {
    String.foreign("adapters/llama-f32/\($0)")
  }

  private static func fit(_ folder: TemporaryFolder, _ arguments: String...) throws -> JSONObject {
    let run = CommandRun(
      ["convert"] + sources + ["--share", "fit", "--json", "-o", folder("fit.mopz").string]
        + arguments)
    #expect(run.status == .done, "\(run.out) \(run.error)")
    return try run.object
  }

  @Test(
    "every task is within the bound, as measured in the finished file",
    arguments: ["0.3", "0.05", "0.001"])
  func bound(_ bound: String) throws {
    let folder = try TemporaryFolder()
    let object = try Self.fit(folder, "--max-error", bound, "-v")
    let sharing = try #require(object["sharing"]?.objectValue)
    let tasks = try #require(sharing["tasks"]?.arrayValue)
    #expect(tasks.count == Self.sources.count)
    let limit = try #require(Double(bound))
    for task in tasks {
      let error = try #require(task["error"]?.doubleValue)
      #expect(error <= limit)
      #expect(task["exact"] == true || task["measured"] == true)
      if task["exact"] == false {
        #expect(task["modules"]?.arrayValue?.isEmpty == false)
        #expect(error > 0)
      }
    }
    let verify = CommandRun(
      ["verify", folder("fit.mopz").string, "--json", "--against"] + Self.sources)
    #expect(verify.status == .done, "\(verify.out)")
    let fits = try #require(try verify.object["fits"]?.arrayValue)
    #expect(fits.count == tasks.filter { $0["exact"] == false }.count)
  }

  @Test("a bound on every module holds for every module")
  func moduleBound() throws {
    let folder = try TemporaryFolder()
    let object = try Self.fit(folder, "--max-error-per-module", "0.1")
    for task in try #require(object["sharing"]?["tasks"]?.arrayValue) {
      #expect(try #require(task["worst_module_error"]?.doubleValue) <= 0.1)
    }
  }

  @Test("what a file states too low is found against the sources, and named")
  func overstated() throws {
    let folder = try TemporaryFolder()
    _ = try Self.fit(folder, "--max-error", "0.2")
    let container = try Container(opening: folder("fit.mopz"))
    var tasks = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    let place = try #require(tasks.firstIndex { $0.isFitted })
    let target = try #require(tasks[place].targets.firstIndex { ($0.relativeError ?? 0) > 0 })
    let scalar = try #require(
      tasks[place].targets[target].scalars.firstIndex { $0.role == .relativeError })
    tasks[place].targets[target].scalars[scalar].value *= 0.9
    try ContainerWriter.write(tasks, to: folder("low.mopz"))
    let run = CommandRun(["verify", folder("low.mopz").string, "--against"] + Self.sources)
    #expect(run.status == .judgedWrong)
    #expect(run.error.contains(tasks[place].targets[target].module))
    #expect(run.error.contains(tasks[place].name))

    // A pool that was changed, with all hashes made anew.
    tasks = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    let term = tasks[place].targets[target].terms[0]
    let block = tasks[place].pools[tasks[place].factors[term.up].pool].ranges[0].block
    let tensor = tasks[place].blocks[block]
    tasks[place].blocks[block] = Tensor(
      tensor.numbers.map { $0 * 1.3 }, shape: tensor.shape, dtype: tensor.dtype)
    try ContainerWriter.write(tasks, to: folder("pool.mopz"))
    #expect(CommandRun("verify", folder("pool.mopz").string).status == .done)
    let changed = CommandRun(["verify", folder("pool.mopz").string, "--against"] + Self.sources)
    #expect(changed.status == .judgedWrong)
    #expect(changed.error.contains("FIT"))
  }

  @Test("a bound that is broken shows without the sources")
  func brokenBound() throws {
    let folder = try TemporaryFolder()
    _ = try Self.fit(folder, "--max-error", "0.2")
    let container = try Container(opening: folder("fit.mopz"))
    var tasks = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    let place = try #require(tasks.firstIndex { $0.isFitted })
    for index in tasks[place].properties.indices
    where tasks[place].properties[index].key == "mopz.fit.bound" {
      tasks[place].properties[index].value = "0.0001"
    }
    try ContainerWriter.write(tasks, to: folder("bound.mopz"))
    let run = CommandRun("verify", folder("bound.mopz").string)
    #expect(run.status == .judgedWrong)
    #expect(run.error.contains("above its bound"))
  }

  @Test("a fitted task and its export merge to the same weights")
  func merges() throws {
    let folder = try TemporaryFolder()
    _ = try Self.fit(folder, "--max-error", "0.2")
    let file = folder("fit.mopz").string
    let exported = folder("exported")
    let export = CommandRun(
      "export", file, "--task", "lora-all", "--to", "peft", "-o", exported.string)
    #expect(export.status == .done, "\(export.error)")
    var merged: [SafetensorsFile] = []
    let adapters = ["\(file)#lora-all", exported.string, Self.sources[0]]
    for (number, adapter) in adapters.enumerated() {
      let output = folder("merged-\(number)")
      let run = CommandRun(
        "merge", "--base", Self.base, "--adapter", adapter, "-o", output.string)
      #expect(run.status == .done, "\(run.error)")
      merged.append(
        try SafetensorsFile(
          bytes: Bytes(mapping: output.appending("model.safetensors")), name: "model"))
    }
    #expect(try Self.distance(merged[0], merged[1]) < 1e-6)
    // The source is as far away as the fit says, which this would find.
    #expect(try Self.distance(merged[0], merged[2]) > 1e-4)
  }

  /// The greatest difference between elements.
  private static func distance(_ a: SafetensorsFile, _ b: SafetensorsFile) throws -> Double {
    #expect(a.count == b.count)
    return (0..<a.count).reduce(0) { greatest, index in
      let (x, y) = (a.tensor(at: index).numbers, b.tensor(at: index).numbers)
      return zip(x, y).reduce(greatest) { max($0, abs($1.0 - $1.1)) }
    }
  }

  @Test("inspect shows the error of every fitted task and module")
  func inspect() throws {
    let folder = try TemporaryFolder()
    _ = try Self.fit(folder, "--max-error", "0.2")
    let object = try CommandRun("inspect", folder("fit.mopz").string, "--json").object
    let tasks = try #require(object["tasks"]?.arrayValue)
    let fitted = tasks.filter { $0["fit"] != nil }
    #expect(!fitted.isEmpty)
    for task in fitted {
      #expect(try #require(task["fit"]?["error"]?.doubleValue) <= 0.2)
      #expect(task["fit"]?["bound"]?.doubleValue == 0.2)
      #expect(task["fit"]?["modules"]?.arrayValue?.isEmpty == false)
    }
    let run = CommandRun("inspect", folder("fit.mopz").string)
    #expect(run.out.contains("error"))
  }

  @Test("every way of sharing gets the same bytes, and nothing is written")
  func ablate() throws {
    let folder = try TemporaryFolder()
    let sources = [Self.sources[0], Self.sources[3]]
    let run = CommandRun(
      ["ablate"] + sources + ["--max-error", "0.2", "--base", Self.base, "--json"])
    #expect(run.status == .done, "\(run.out)")
    let object = try run.object
    let budget = try #require(object["budget"]?.intValue)
    let methods = try #require(object["methods"]?.arrayValue)
    #expect(methods.first?["method"] == "ours")
    #expect(methods.count == 11)
    #expect(methods[0]["bytes_at_bound"]?.intValue == budget)
    for method in methods {
      guard let bytes = method["bytes"]?.intValue else {
        // Only ways without private pairs have a least size.
        #expect(try #require(method["method"]?.stringValue) != "ours")
        continue
      }
      #expect(bytes <= budget)
      #expect(try #require(method["errors"]?.arrayValue).count == sources.count)
      #expect(try #require(method["perplexity"]?.doubleValue) > 1)
    }
    #expect(methods.count { $0["bytes"]?.intValue != nil } >= 6)
    let errors = methods.compactMap { $0["mean_squared_error"]?.doubleValue }
    #expect(errors.first == errors.min())
    #expect(try folder.names().isEmpty)
  }

  @Test("a budget is kept by the whole file")
  func budget() throws {
    let folder = try TemporaryFolder()
    let object = try Self.fit(folder, "--max-error", "0.05")
    let size = try #require(object["file_bytes"]?.intValue)
    let budget = size * 21 / 20
    let other = try TemporaryFolder()
    let fitted = try Self.fit(other, "--budget", "\(budget)")
    #expect(try #require(fitted["file_bytes"]?.intValue) <= budget)
    let run = CommandRun(
      ["convert"] + Self.sources + ["--share", "fit", "--budget", "1K", "-o", other("x").string])
    #expect(run.status == .unusable)
    #expect(run.error.contains("--budget"))
    #expect(try !other("x").exists())
  }

  @Test("a comparison of adapters of which none can be fitted is refused, not empty")
  func nothingToFit() throws {
    let partial = CommandRun([
      "ablate", Fixtures.path("invalid/adapters/nan").string, "--skip-means", "--json",
    ])
    #expect(
      try partial.object["findings"]?.arrayValue?.contains {
        $0["severity"]?.stringValue == "warning"
      } == true)
    let run = CommandRun(["ablate", String.foreign("adapters/llama-f32/prefix-tuning"), "--json"])
    #expect(run.status == .unusable)
    let findings = try #require(try run.object["findings"]?.arrayValue)
    #expect(findings.contains { $0["rule"]?.stringValue == "FIT" })
  }

  @Test(
    "options that contradict each other are refused",
    arguments: [
      ["--max-error", "0.1"], ["--share", "exact", "--budget", "1M"], ["--type", "int8"],
      ["--share", "fit", "--max-error", "0.1", "--budget", "1M"],
      ["--share", "fit", "--max-error-per-module", "0.1", "--budget", "1M"],
      ["--share", "fit", "--max-error", "1"], ["--share", "fit", "--max-error", "-0.1"],
      ["--share", "fit", "--max-error", "nan"], ["--share", "fit", "--budget", "12Q"],
      ["--share", "fit", "--budget", "-1"], ["--share", "fit", "--type", "f16"],
      ["--share", "fit", "--no-share", "nobody"],
    ])
  func usage(_ arguments: [String]) throws {
    let folder = try TemporaryFolder()
    let run = CommandRun(
      ["convert"] + Self.sources + arguments + ["-o", folder("x.mopz").string])
    #expect(run.status == .usage, "\(run.out) \(run.error)")
    #expect(try folder.names().isEmpty)
  }

  @Test(
    "sizes are read as they are printed",
    arguments: [
      ("12M", 12_000_000), ("300K", 300_000), ("1.5G", 1_500_000_000), ("4096", 4096),
      ("2Ki", 2048), ("0.5Mi", 524_288), ("0", 0),
    ])
  func sizes(_ text: String, _ count: Int) {
    #expect(ByteSize(argument: text)?.count == count)
  }

  @Test("no size", arguments: ["", "M", "1.2.3", "1e9", "0x10", "99999999999G", "5B", "i"])
  func noSize(_ text: String) { #expect(ByteSize(argument: text) == nil) }
}
