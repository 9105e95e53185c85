import MopzAdapters
import MopzBytes
import MopzDigest
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzContainer

@Suite("Numbers that are wrong behind whole hashes never trap")
struct ResealedMutationTests {
  static let seeds = [
    "mixture-of-shards", "index-tables-and-mixing", "planes", "rows-int8", "narrower-types",
    "target-kinds", "stored-headers", "two-generations", "worked-example",
  ]

  /// Numbers that overflow sums, products and indices.
  static let extremes: [UInt64] = [
    0, 1, 2, 7, 8, 64, 255, 4096, 65535, 65536, 1 << 31, 0x7FFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFF,
    1 << 32, 1 << 40, 1 << 62, UInt64(Int64.max), 1 << 63, UInt64.max - 63, UInt64.max,
  ]

  /// The bytes that tables lie in: slot, directory, index, records.
  static func structuralOffsets(_ bytes: [UInt8]) throws -> [Int] {
    let container = try Container(bytes: Bytes(bytes))
    var ranges = [4096 + 8..<4096 + 112]
    let start = Int(container.slot.directoryOffset)
    ranges.append(start..<(start + Int(container.slot.directoryLength)))
    if container.slot.blockIndex != .none {
      let index = Int(container.slot.blockIndex.offset)
      ranges.append(index..<(index + Int(container.slot.blockIndex.length)))
    }
    for index in 0..<container.taskCount {
      let entry = try container.task(at: index).entry
      let record = Int(entry.recordOffset)
      // Records weigh more than the rest together.
      for _ in 0..<3 { ranges.append(record..<(record + Int(entry.recordLength))) }
    }
    return ranges.flatMap { Array($0) }
  }

  /// Uses everything that can be used.
  static func exercise(_ bytes: [UInt8]) throws {
    let bytes = Bytes(bytes)
    _ = try ContainerVerification(
      of: bytes, threads: WorkerThreads(count: 1), requiresCanonicalForm: true)
    guard let container = try? Container(bytes: bytes) else { return }
    for index in 0..<min(container.taskCount, 8) {
      guard let task = try? container.task(at: index) else { continue }
      for tensor in 0..<task.tensorCount {
        let info = task.info(at: tensor)
        // A small file may describe a large tensor; making it is its user's choice.
        guard info.shape.byteCount(of: info.dtype) ?? 0 <= 1 << 20 else { continue }
        _ = try? task.tensor(at: tensor)
        _ = task.view(at: tensor)
        _ = task.index(ofTensor: info.name)
      }
      let isSmall = (0..<task.blockCount).allSatisfy {
        task.blockInfo(at: $0).logicalByteCount <= 1 << 20
      }
      guard isSmall, let adapter = try? task.adapter() else { continue }
      for (index, factor) in adapter.factors.enumerated()
      where factor.rank.multipliedFullWidth(by: factor.width).high == 0
        && factor.rank * factor.width <= 1 << 20
      {
        _ = try? adapter.expansion(ofFactor: index)
      }
    }
  }

  @Test("a table's number may be anything", arguments: seeds)
  func mutated(_ name: String) throws {
    let file = try FixtureTests.bytes("valid", name + ".mopz")
    let original = [UInt8](copying: file.span)
    #expect(Reseal.reseal(original).count == original.count)
    let offsets = try Self.structuralOffsets(original)
    var generator = SeededGenerator(seed: UInt64(name.utf8.count))
    for _ in 0..<700 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...2, using: &generator) {
        let offset = offsets.randomElement(using: &generator) ?? 0
        let width = [1, 2, 4, 8].randomElement(using: &generator) ?? 1
        let value = Self.extremes.randomElement(using: &generator) ?? 0
        let start = offset / width * width
        for byte in 0..<width where start + byte < bytes.count {
          bytes[start + byte] = UInt8(value >> (8 * UInt64(byte)) & 0xFF)
        }
      }
      try Self.exercise(Reseal.reseal(bytes))
    }
  }

  @Test("resealing a sound container changes nothing", arguments: ["worked-example", "planes"])
  func identity(_ name: String) throws {
    let file = try FixtureTests.bytes("valid", name + ".mopz")
    let original = [UInt8](copying: file.span)
    #expect(Reseal.reseal(original) == original)
    var changed = original
    changed[4096 + 8] = 3
    #expect(try ContainerVerification(of: Bytes(Reseal.reseal(changed))).isSound)
    #expect(try !ContainerVerification(of: Bytes(changed)).isSound)
  }
}
