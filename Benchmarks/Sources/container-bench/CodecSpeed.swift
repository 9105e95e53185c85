import MopzToolkit
import SystemPackage

/// Compressing all blocks of a container, and decoding them again, in memory.
enum CodecSpeed {
  static func measure(_ path: FilePath) throws {
    let container = try Container(opening: path)
    let adapters = try (0..<container.taskCount).map { try container.task(at: $0).adapter() }
    for threads in Set([1, WorkerThreads.all.count]).sorted() {
      let output = path.removingLastComponent().appending("codec-bench-\(threads).mopz")
      try measure(adapters, to: output, WorkerThreads(count: threads))
    }
  }

  private static func measure(
    _ adapters: [Adapter], to path: FilePath, _ threads: WorkerThreads
  ) throws {
    let compression = Compression(
      scratch: path.removingLastComponent(), memoryByteCount: .max)
    var raw: [Double] = []
    var encoding: [Double] = []
    var decoding: [Double] = []
    var byteCount = 0
    for turn in 0..<6 {
      let start = ContinuousClock.now
      byteCount = try ContainerPlan(of: adapters, threads: threads).logicalBlockByteCount
      let middle = ContinuousClock.now
      let plan = try ContainerPlan(of: adapters, compression: compression, threads: threads)
      let end = ContinuousClock.now
      var output = try AtomicFile(creating: path, force: true)
      try plan.write(to: &output.file)
      try output.commit()
      let packed = try Container(opening: path)
      let begin = ContinuousClock.now
      _ = try threads.map(packed.taskCount) { index in
        try packed.task(at: index).adapter().blocks.count
      }
      let last = ContinuousClock.now
      guard turn > 0 else { continue }
      raw.append(start.duration(to: middle) / .seconds(1))
      encoding.append((middle.duration(to: end) - start.duration(to: middle)) / .seconds(1))
      decoding.append(begin.duration(to: last) / .seconds(1))
    }
    func rate(_ seconds: [Double]) -> String {
      let speed = Double(byteCount) / 1e6 / seconds.sorted()[seconds.count / 2]
      return "\(speed.rounded()) MB/s"
    }
    print(
      "\(threads.count) threads, \(byteCount / 1_000_000) MB: plan raw \(rate(raw)), "
        + "compress \(rate(encoding)), decode \(rate(decoding))")
  }
}
