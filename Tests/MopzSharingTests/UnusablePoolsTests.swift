import MopzAdapters
import MopzBytes
import MopzConversion
import MopzSharing
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzContainer

@Suite("Pools and bounds in a collection that are of no use")
struct UnusablePoolsTests {
  @Test("a pool that is damaged is passed over, and says so")
  func damagedPool() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 1), memberCount: 5)
    let clean = try living.copy(as: "clean.mopz")
    try living.add("t5", to: clean)
    for place in try living.poolRanges("t5", in: clean) {
      var file = try OutputFile(updating: living.path)
      try file.write([0x5A, 0xA5, 0x5A].span.rawBytes, at: place.lowerBound + 9)
      try file.close()
    }
    let report = try living.add("t5")
    #expect(report.fit?.findings.contains { $0.message.contains("passed over") } == true)
    let task = try living.container.task(named: "t5")
    try task.verifyBlocks()
    #expect(try living.denseError("t5") <= 0.05)
  }

  @Test("a task whose record is damaged is passed over with its bound, and says so")
  func damagedRecord() throws {
    let living = try LivingCollection(LivingCollection.family.adapters(seed: 1), memberCount: 4)
    try living.add("t4", sharing: .fit(.quick(0.03)))
    let record = Int(try living.container.entry(named: "t4").entry.recordOffset)
    var file = try OutputFile(updating: living.path)
    try file.write([0x5A, 0xA5, 0x5A].span.rawBytes, at: record + 9)
    try file.close()
    let report = try living.add("t5")
    #expect(report.fit?.bound == 0.05)
    let finding = try #require(
      report.fit?.findings.first { $0.message.contains("passed over") })
    #expect(finding.message.contains("t4") && finding.message.contains("bound"))
    #expect(try living.denseError("t5") <= 0.05)
  }

  @Test("a recorded bound that says nothing is none", arguments: [1, 1.5, nil])
  func emptyBound(_ bound: Double?) throws {
    let sources = LivingCollection.family.adapters(seed: 2)
    let living = try LivingCollection(sources, memberCount: 1)
    var generator = SeededGenerator(seed: 3)
    let fitted = try FittedFamily(
      of: Array(sources[..<3]), noise: 0.001, bound: bound, moduleBound: bound,
      using: &generator)
    let file = living.folder("hand-made.mopz")
    try ContainerWriter.write(fitted.adapters, to: file)
    let report = try living.add("t5", to: file)
    #expect(report.fit?.bound == 0.05 && report.fit?.moduleBound == nil)
    #expect(try living.denseError("t5", in: file) <= 0.05)
  }

  @Test("vectors whose lengths cannot be squared are not taken", arguments: [1e-41, 1e36])
  func extremeVectors(_ scale: Double) throws {
    let sources = LivingCollection.family.adapters(seed: 4)
    let living = try LivingCollection(sources, memberCount: 1)
    var generator = SeededGenerator(seed: 5)
    var fitted = try FittedFamily(
      of: Array(sources[..<3]), noise: 0.001, bound: 0.05, using: &generator
    ).adapters
    for task in fitted.indices {
      for range in fitted[task].pools.flatMap(\.ranges) where range.visibility == .shared {
        let block = fitted[task].blocks[range.block]
        fitted[task].blocks[range.block] = Tensor(
          block.numbers.map { $0 * scale }, shape: block.shape, dtype: block.dtype)
      }
    }
    let file = living.folder("hand-made.mopz")
    try ContainerWriter.write(fitted, to: file)
    let report = try living.add("t5", to: file)
    #expect(report.fit?.findings.contains { $0.message.contains("passed over") } == true)
    #expect(try living.poolRanges("t5", in: file).isEmpty)
    #expect(try living.denseError("t5", in: file) <= 0.05)
  }
}
