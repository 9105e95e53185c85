import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Fitted tasks against their sources")
struct FittedComparisonTests {
  static func findings(
    _ task: Adapter, _ source: Adapter
  ) -> [(rule: String, message: String)] {
    var comparison = FittedComparison(task: task, source: source)
    comparison.compare()
    return comparison.findings.map { ($0.rule, $0.message) }
  }

  @Test("a file holds what its record states", arguments: [1e-6, 1e-3, 0.1])
  func equal(_ noise: Double) throws {
    let folder = try TemporaryFolder()
    let path = "foreign/adapters/llama-f32/lora-all"
    let source = try ForeignAdapterTests.imported(path).adapter
    var generator = SeededGenerator(seed: 2)
    let task = try FittedFamily(of: [source], noise: noise, bound: 1, using: &generator).adapters[0]
    try ContainerWriter.write([task], to: folder("a.mopz"))
    let container = try Container(opening: folder("a.mopz"))
    let report = try SourceComparison(
      of: container, in: "a.mopz", with: [SourceArgument(path: Fixtures.path(path))]
    ).run()
    #expect(report.findings == [])
    #expect(report.comparedTasks == ["lora-all"])
    let fit = try #require(report.fits.first)
    #expect(fit.modules.count == task.targets.count)
    #expect(fit.error <= fit.stated && fit.error > fit.stated * 0.999)
    #expect(fit.bound == 1)
  }

  @Test("what the record states must hold")
  func stated() throws {
    let (source, task) = try #require(
      try FittedExportTests.fitted("foreign/adapters/llama-f32/lora-all"))
    #expect(Self.findings(task, source).isEmpty)
    let module = task.targets[1].module
    let changes: [(what: String, expected: String, change: (inout Adapter) -> Void)] = [
      (
        "a module's error is lowered", module,
        { $0.targets[1].scalars[0].value *= 0.99 }
      ),
      (
        "the task's error is lowered", "more than the",
        { $0.setRecord { $0.error *= 0.99 } }
      ),
      ("the bound is lowered", "above its bound", { $0.setRecord { $0.bound = $0.error * 0.9 } }),
      (
        "the bound on modules is lowered", "above its bound",
        { $0.setRecord { $0.moduleBound = $0.error * 0.5 } }
      ),
      ("an element of a pool is changed", module, { $0.change(.up, of: 1) }),
      ("an element of the other pool is changed", module, { $0.change(.down, of: 1) }),
      ("a scale is changed", module, { $0.targets[1].terms[0].scaling *= 1.01 }),
      ("the public term is dropped", module, { $0.targets[1].terms.removeFirst() }),
      ("the record is gone", "missing", { $0.properties = [] }),
    ]
    for (what, expected, change) in changes {
      var changed = task
      change(&changed)
      let found = Self.findings(changed, source)
      #expect(found.contains { $0.rule == "FIT" && $0.message.contains(expected) }, "\(what)")
    }
  }

  @Test("what was not fitted must be the source's, bit by bit")
  func kept() throws {
    let (source, task) = try #require(
      try FittedExportTests.fitted("foreign/adapters/llama-f32/modules-to-save"))
    #expect(Self.findings(task, source).isEmpty)
    #expect(!task.sourceTensors.isEmpty)
    let changes: [(String, (inout Adapter) -> Void)] = [
      ("an element", { $0.flipByte(ofSource: 0) }),
      (
        "the configuration",
        { adapter in
          guard let block = adapter.files.first(where: { $0.role == .config })?.block else {
            return
          }
          adapter.flipByte(ofBlock: block)
        }
      ),
      ("a tensor less", { $0.sourceTensors.removeLast() }),
      ("a tensor more", { $0.sourceTensors.append($0.sourceTensors[0]) }),
      ("a name", { $0.sourceTensors[0].name += "x" }),
      ("a module", { $0.targets[0].module += "x" }),
      ("a target less", { $0.targets.removeLast() }),
      (
        "metadata",
        { adapter in
          for index in adapter.files.indices where adapter.files[index].role == .weights {
            adapter.files[index].metadata = [Property(key: "format", value: "np")]
          }
        }
      ),
      ("the kind", { $0.kind = .dora }),
    ]
    for (what, change) in changes {
      var changed = task
      change(&changed)
      #expect(!Self.findings(changed, source).isEmpty, "\(what)")
    }
  }

  @Test("the record alone is checked without a source")
  func alone() throws {
    let (_, task) = try #require(
      try FittedExportTests.fitted("foreign/adapters/llama-f32/lora-all"))
    #expect(FitCheck(task: task).recordFindings.isEmpty)
    let changes: [(inout Adapter) -> Void] = [
      { $0.setRecord { $0.bound = $0.error * 0.5 } },
      { $0.setRecord { $0.moduleBound = $0.error * 0.5 } },
      { $0.setRecord { $0.error *= 10 } },
      { $0.setRecord { $0.error *= 0.1 } },
      { $0.properties.removeAll { $0.key == "mopz.fit.error" } },
      { $0.properties.append(Property(key: "mopz.fit.bound", value: "x")) },
      { adapter in for index in adapter.targets.indices { adapter.targets[index].scalars = [] } },
    ]
    for (number, change) in changes.enumerated() {
      var changed = task
      change(&changed)
      #expect(!FitCheck(task: changed).recordFindings.isEmpty, "change \(number)")
    }
  }
}

extension Adapter {
  fileprivate mutating func setRecord(_ change: (inout FitRecord) -> Void) {
    guard var record = fitRecord else { return }
    change(&record)
    properties.removeAll { $0.key.hasPrefix("mopz.fit.") }
    properties += record.properties
  }

  /// Makes one element of a factor's pool larger.
  fileprivate mutating func change(_ side: Factor.Side, of target: Int) {
    let term = targets[target].terms[0]
    let block = pools[factors[side == .up ? term.up : term.down].pool].ranges[0].block
    var numbers = blocks[block].numbers
    numbers[2] += 0.1
    blocks[block] = Tensor(numbers, shape: blocks[block].shape, dtype: blocks[block].dtype)
  }

  fileprivate mutating func flipByte(ofSource tensor: Int) {
    guard case .block(let block) = sourceTensors[tensor].content else { return }
    flipByte(ofBlock: block)
  }

  fileprivate mutating func flipByte(ofBlock block: Int) {
    let tensor = blocks[block]
    var bytes = [UInt8](copying: tensor.bytes.span)
    bytes[bytes.count / 2] ^= 1
    blocks[block] = Tensor(dtype: tensor.dtype, shape: tensor.shape, bytes: Bytes(bytes))
  }
}
