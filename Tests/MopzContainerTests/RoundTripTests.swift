import MopzAdapters
import MopzBytes
import MopzContainer
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@Suite("What is written is read again")
struct RoundTripTests {
  @Test("tasks come back with every table, tensor and string")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("family.mopz")
    let adapters = [
      SampleAdapters.lora("b", seed: 1), SampleAdapters.lora("a", seed: 2, dtype: .bf16),
      SampleAdapters.lora("c", seed: 1),
    ]
    try ContainerWriter.write(adapters, to: path)
    let container = try Container(opening: path)
    #expect(container.findings.isEmpty)
    #expect(try container.taskNames() == ["a", "b", "c"])
    for adapter in adapters {
      let task = try container.task(named: adapter.name)
      expectSame(try task.adapter(), adapter)
      for (index, tensor) in adapter.sourceTensors.enumerated() {
        #expect(task.index(ofTensor: tensor.name) == index)
        let read = try task.tensor(at: index)
        let isSameView = task.view(at: index)?.bytes.hasSameBytes(as: read.bytes.span)
        #expect(isSameView == true)
      }
      #expect(task.index(ofTensor: "absent") == nil)
    }
    #expect(throws: ContainerError.noSuchTask("d")) { try container.task(named: "d") }
  }

  @Test("an adapter without blocks, files or targets is a task too")
  func emptyAdapter() throws {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("empty.mopz")
    let adapter = Adapter(name: "nothing", kind: .lora)
    try ContainerWriter.write([adapter], to: path)
    expectSame(try Container(opening: path).task(named: "nothing").adapter(), adapter)
  }
}

/// Expects two adapters to be the same but for the order and the number of their blocks.
func expectSame(
  _ found: Adapter, _ expected: Adapter, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.name == expected.name, sourceLocation: sourceLocation)
  #expect(found.kind == expected.kind, sourceLocation: sourceLocation)
  #expect(found.properties == expected.properties, sourceLocation: sourceLocation)
  #expect(found.files.count == expected.files.count, sourceLocation: sourceLocation)
  for (a, b) in zip(found.files, expected.files) {
    #expect(a.name == b.name && a.role == b.role && a.headerForm == b.headerForm)
    #expect(a.tensors == b.tensors && a.metadata == b.metadata)
    #expect((a.block == nil) == (b.block == nil))
    if let p = a.block, let q = b.block { expectSame(found.blocks[p], expected.blocks[q]) }
  }
  #expect(found.sourceTensors.count == expected.sourceTensors.count)
  for (a, b) in zip(found.sourceTensors, expected.sourceTensors) {
    #expect(a.name == b.name && a.dtype == b.dtype && a.shape == b.shape)
    #expect(a.disposition == b.disposition)
    if case .block(let p) = a.content, case .block(let q) = b.content {
      expectSame(found.blocks[p], expected.blocks[q])
    } else {
      #expect(a.content == b.content)
    }
  }
  #expect(found.factors == expected.factors, sourceLocation: sourceLocation)
  #expect(found.targets == expected.targets, sourceLocation: sourceLocation)
  #expect(found.pools.count == expected.pools.count, sourceLocation: sourceLocation)
  for (a, b) in zip(found.pools, expected.pools) {
    #expect(a.shardLength == b.shardLength && a.ranges.count == b.ranges.count)
    for (p, q) in zip(a.ranges, b.ranges) {
      #expect(p.first == q.first && p.count == q.count && p.axis == q.axis)
      expectSame(found.blocks[p.block], expected.blocks[q.block])
    }
  }
}

/// Expects two tensors to have the same type, shape and bytes.
func expectSame(
  _ found: Tensor, _ expected: Tensor, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.dtype == expected.dtype, sourceLocation: sourceLocation)
  #expect(found.shape == expected.shape, sourceLocation: sourceLocation)
  let isSame = found.bytes.span.hasSameBytes(as: expected.bytes.span)
  #expect(isSame, sourceLocation: sourceLocation)
}
