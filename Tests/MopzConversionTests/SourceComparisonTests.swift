import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzConversion

@Suite("Tasks against their sources")
struct SourceComparisonTests {
  @Test("what was converted is equal to its sources, and other tasks are listed")
  func equal() throws {
    let folder = try TemporaryFolder()
    let all = try ConversionTests.everything().map(\.source)
    _ = try ConversionTests.convert(all, in: folder)
    let container = try Container(opening: folder("out.mopz"))
    let report = try SourceComparison(of: container, in: "x.mopz", with: Array(all.dropFirst(2)))
      .run()
    #expect(report.findings == [])
    #expect(report.isEqual)
    #expect(report.comparedTasks.count == all.count - 2)
    #expect(report.otherTasks.count == 2)
    #expect(report.byteCount > 100_000)
  }

  @Test("a source without its task, and a task of another source, are differences")
  func different() throws {
    let folder = try TemporaryFolder()
    let source = try ConversionTests.source("adapters/llama-f32/lora-all", as: "a")
    _ = try ConversionTests.convert([source], in: folder)
    let container = try Container(opening: folder("out.mopz"))
    let missing = try ConversionTests.source("adapters/llama-f32/lora-all", as: "b")
    let other = try ConversionTests.source("adapters/llama-f32/stored-f16", as: "a")
    let report = try SourceComparison(of: container, in: "x.mopz", with: [missing]).run()
    #expect(report.findings.map(\.rule) == ["TASK"])
    #expect(!report.isEqual)
    #expect(try !SourceComparison(of: container, in: "x.mopz", with: [other]).run().isEqual)
  }

  @Test("every kind of difference between a task and its source is found")
  func kinds() throws {
    let imported = try ForeignAdapterTests.imported("foreign/adapters/llama-f32/rank-1").adapter
    let changes: [(String, (inout Adapter) -> Void)] = [
      ("an element", { flipByte(of: 0, in: &$0) }),
      ("the configuration", { flipByte(of: $0.blocks.count - 1, in: &$0) }),
      ("a name", { $0.sourceTensors[0].name += "x" }),
      ("a type", { $0.sourceTensors[0].dtype = .i32 }),
      ("a shape", { $0.sourceTensors[0].shape = [24] }),
      ("the order", { $0.sourceTensors.swapAt(0, 1) }),
      ("a tensor less", { $0.sourceTensors.removeLast() }),
      ("metadata", { $0.files[1].metadata = [Property(key: "format", value: "np")] }),
      ("no metadata", { $0.files[1].metadata = nil }),
      ("a file's name", { $0.files[0].name = "config.json" }),
      ("a scale", { $0.targets[0].terms[0].scaling *= 2 }),
      ("a module", { $0.targets[0].module += "x" }),
      ("the kind", { $0.kind = .dora }),
    ]
    var same = TaskComparison(task: imported, source: imported)
    same.compare()
    #expect(same.findings.isEmpty)
    for (what, change) in changes {
      var changed = imported
      change(&changed)
      var comparison = TaskComparison(task: changed, source: imported)
      comparison.compare()
      #expect(comparison.findings.contains { $0.severity == .error }, "\(what)")
    }
  }
}

private func flipByte(of block: Int, in adapter: inout Adapter) {
  let tensor = adapter.blocks[block]
  var bytes = [UInt8](copying: tensor.bytes.span)
  bytes[bytes.count / 2] ^= 1
  adapter.blocks[block] = Tensor(dtype: tensor.dtype, shape: tensor.shape, bytes: Bytes(bytes))
}
