import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTensors
import MopzTestSupport
import Testing

/// An adapter that was changed so that it breaks a rule.
struct BrokenAdapter: Sendable, CustomTestStringConvertible {
  var rule: FormatRule
  var testDescription: String
  var change: @Sendable (inout Adapter) -> Void

  init(_ rule: FormatRule, _ what: String, _ change: @escaping @Sendable (inout Adapter) -> Void) {
    self.rule = rule
    testDescription = what
    self.change = change
  }

  static let all = [
    BrokenAdapter(.taskName, "empty name") { $0.name = "" },
    BrokenAdapter(.taskName, "control character") { $0.name = "a\u{7}" },
    BrokenAdapter(.recordKind, "kind") { $0.kind = AdapterKind(rawValue: "Lora") },
    BrokenAdapter(.fileName, "file name") { $0.files[0].name = "../x" },
    BrokenAdapter(.fileOrder, "file order") { $0.files[0].name = "z" },
    BrokenAdapter(.fileForm, "header form") { $0.files[1].headerForm = .none },
    BrokenAdapter(.fileBlock, "config without block") { $0.files[0].block = nil },
    BrokenAdapter(.fileBlock, "block that is missing") { $0.files[0].block = 99 },
    BrokenAdapter(.fileTensors, "tensors outside files") { $0.files[1].tensors = 0..<1 },
    BrokenAdapter(.metadataKeys, "metadata key twice") {
      $0.files[1].metadata = [Property(key: "a", value: "1"), Property(key: "a", value: "2")]
    },
    BrokenAdapter(.tensorContent, "block -1") { $0.sourceTensors[0].content = .block(-1) },
    BrokenAdapter(.tensorContent, "factor -1") { $0.sourceTensors[0].content = .factor(-1) },
    BrokenAdapter(.tensorShape, "shape") { $0.sourceTensors[0].shape = [1] },
    BrokenAdapter(.tensorNames, "tensor name twice") {
      $0.sourceTensors[1].name = $0.sourceTensors[0].name
    },
    BrokenAdapter(.rangeBlock, "range without block") { $0.pools[0].ranges[0].block = 77 },
    BrokenAdapter(.rangeBounds, "range past the block") { $0.pools[0].ranges[0].count = 99 },
    BrokenAdapter(.rangeBounds, "negative first") { $0.pools[0].ranges[0].first = -1 },
    BrokenAdapter(.shardLength, "shard length") { $0.pools[0].shardLength = 7 },
    BrokenAdapter(.poolRanges, "empty pool") { $0.pools[0].ranges = [] },
    BrokenAdapter(.factorCodes, "pool index") { $0.factors[0].pool = 44 },
    BrokenAdapter(.factorWidth, "width") { $0.factors[0].width = 17 },
    BrokenAdapter(.factorLimit, "negative rank") { $0.factors[0].rank = -1 },
    BrokenAdapter(.factorLimit, "rank") { $0.factors[0].rank = 65537 },
    BrokenAdapter(.identityIndices, "rank past the pool") { $0.factors[0].rank = 5 },
    BrokenAdapter(.termSides, "sides") { $0.targets[0].terms[0].down = 1 },
    BrokenAdapter(.termScaling, "scaling") { $0.targets[0].terms[0].scaling = .nan },
    BrokenAdapter(.targetTerms, "no terms") { $0.targets[0].terms = [] },
    BrokenAdapter(.targetOperands, "no magnitude") { $0.targets[0].kind = .magnitude },
    BrokenAdapter(.targetTwice, "target twice") { $0.targets.append($0.targets[0]) },
    BrokenAdapter(.targetCodes, "expert of a linear layer") { $0.targets[0].layoutIndex = 1 },
    BrokenAdapter(.baseBlock, "base record") { $0.baseRecordBlock = 1 },
    BrokenAdapter(.baseFields, "base record that is none") { $0.baseRecordBlock = 0 },
    BrokenAdapter(.storedHeader, "stored header that is none") {
      $0.files[1].headerForm = .stored
      $0.files[1].block = 0
    },
    BrokenAdapter(.indexValues, "index outside the pool") {
      $0.factors[0].indices = .explicit(block: $0.blocks.count)
      $0.blocks.append(Tensor(dtype: .u8, shape: [4], bytes: Bytes([0, 1, 255, 4])))
    },
  ]
}

@Suite("The writer refuses what a reader would")
struct RefusalTests {
  @Test(
    "an adapter that breaks a rule is refused before anything is written",
    arguments: BrokenAdapter.all)
  func refused(_ broken: BrokenAdapter) throws {
    let folder = try TemporaryFolder()
    var adapter = SampleAdapters.lora("a")
    broken.change(&adapter)
    do {
      try ContainerWriter.write([adapter], to: folder("x.mopz"))
      Issue.record("\(broken.testDescription) was written")
    } catch {
      #expect(error.rule == broken.rule, "\(error)")
    }
    #expect(try folder.names() == [])
  }

  @Test("two tasks of one name are refused")
  func nameTwice() throws {
    let adapters = [SampleAdapters.lora("a"), SampleAdapters.lora("a", seed: 2)]
    do {
      _ = try ContainerPlan(of: adapters)
      Issue.record("a name was taken twice")
    } catch { #expect(error.rule == .entryOrder) }
  }

  @Test("names that look alike and differ in their bytes are two names")
  func lookAlikes() throws {
    let adapters = [SampleAdapters.lora("\u{E9}"), SampleAdapters.lora("e\u{301}")]
    let container = try Container(bytes: try ContainerBytes.of(adapters))
    #expect(container.taskCount == 2)
    for adapter in adapters {
      let name = try container.task(named: adapter.name).name
      #expect(Array(name.utf8) == Array(adapter.name.utf8))
    }
  }
}
