import MopzAdapters
import MopzBytes
import MopzContainer
import MopzSharing
import MopzTensors
import MopzTestSupport
import Testing

/// Containers of adapters in memory.
enum SharedContainer {
  /// The bytes of a container.
  static func bytes(of adapters: [Adapter]) throws -> Bytes {
    let folder = try TemporaryFolder()
    try ContainerWriter.write(adapters, to: folder("a.mopz"))
    return try Bytes(mapping: folder("a.mopz"))
  }

  /// Shares adapters, and expects everything that must hold for whatever they are: no byte
  /// is lost, the container is valid and canonical, no larger than without pools, and the
  /// same however the adapters come.
  static func expectSound(_ adapters: [Adapter]) throws -> (sharing: ExactSharing, bytes: Bytes) {
    let sharing = try ExactSharing(of: adapters)
    let bytes = try Self.bytes(of: sharing.adapters)
    let plain = try Self.bytes(of: adapters)
    #expect(bytes.count <= plain.count)
    if sharing.report.pools.isEmpty { expectSameBytes(bytes, plain, "nothing is shared") }
    #expect(try ContainerVerification(of: bytes, requiresCanonicalForm: true).findings == [])
    let container = try Container(bytes: bytes)
    for adapter in adapters {
      let task = try container.task(named: adapter.name)
      #expect(task.tensorCount == adapter.sourceTensors.count)
      for (index, tensor) in adapter.sourceTensors.enumerated() {
        guard case .block(let block) = tensor.content else { continue }
        #expect(task.info(at: index).name == tensor.name)
        #expect(task.info(at: index).shape == tensor.shape)
        expectSameBytes(
          try task.tensor(at: index).bytes, adapter.blocks[block].bytes, tensor.name)
      }
    }
    let turned = try ExactSharing(of: adapters.reversed(), threads: WorkerThreads(count: 1))
    #expect(turned.report == sharing.report)
    expectSameBytes(try Self.bytes(of: turned.adapters), bytes, "in another order")
    let stored = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    expectSameBytes(try Self.bytes(of: stored), bytes, "planned again")
    let again = try ExactSharing(of: stored)
    expectSameBytes(try Self.bytes(of: again.adapters), bytes, "shared again")
    return (sharing, bytes)
  }
}
