import MopzAdapters
import MopzBytes
import MopzDigest
import MopzTensors
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzContainer

/// Makes every hash of a container agree with what it covers, so that rules about content
/// are met behind the hashes.
enum Reseal {
  static func reseal(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for slotOffset in [4096, 8192] {
      var slot = CommitSlot(parsing: bytes.span.rawBytes, at: slotOffset)
      guard slot.magic == FormatConstants.slotMagic,
        let directory = ByteRange(
          offset: slot.directoryOffset, count: slot.directoryLength, within: bytes.count),
        directory.count >= DirectoryHeader.byteCount
      else { continue }
      sealEntries(directory, &bytes)
      store(
        hash64(bytes, directory.offset, DirectoryHeader.hashedByteCount), directory.offset + 48,
        &bytes)
      slot.directoryHash = hash(bytes, directory.range)
      if let index = ByteRange(
        offset: slot.blockIndex.offset, count: slot.blockIndex.length, within: bytes.count)
      {
        slot.blockIndex.hash = hash(bytes, index.range)
      }
      replace(slot.sealed().bytes, at: slotOffset, in: &bytes)
    }
    return bytes
  }

  private static func sealEntries(_ directory: ByteRange, _ bytes: inout [UInt8]) {
    let header = DirectoryHeader(parsing: bytes.span.rawBytes, at: directory.offset)
    let count = min(Int(clamping: header.taskCount), (directory.count - 64) / 96)
    for index in 0..<count {
      let offset = directory.offset + 64 + 96 * index
      var entry = TaskEntry(parsing: bytes.span.rawBytes, at: offset)
      if let record = ByteRange(
        offset: entry.recordOffset, count: entry.recordLength, within: bytes.count)
      {
        entry.recordHash = hash(bytes, record.range)
        replace(entry.recordHash.littleEndianBytes, at: offset + 24, in: &bytes)
      }
      let (start, overflow) = header.namesOffset.addingReportingOverflow(UInt64(entry.nameOffset))
      guard !overflow,
        let name = ByteRange(
          offset: start, count: UInt64(entry.nameLength), within: directory.count)
      else { continue }
      let nameStart = directory.offset + name.offset
      let nameBytes = Bytes(Array(bytes[nameStart..<(nameStart + name.count)]))
      let sealed = TaskEntry.hash(entry: bytes.span.rawBytes, at: offset, name: nameBytes.span)
      store(sealed, offset + 88, &bytes)
    }
  }

  private static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> Digest128 {
    XXH3.hash128(bytes.span.rawBytes.extracting(range))
  }

  private static func hash64(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    XXH3.hash64(bytes.span.rawBytes.extracting(offset..<(offset + count)))
  }

  private static func store(_ value: UInt64, _ offset: Int, _ bytes: inout [UInt8]) {
    for byte in 0..<8 { bytes[offset + byte] = UInt8(value >> (8 * UInt64(byte)) & 0xFF) }
  }

  private static func replace(_ new: Bytes, at offset: Int, in bytes: inout [UInt8]) {
    replace([UInt8](copying: new.span), at: offset, in: &bytes)
  }

  private static func replace(_ new: [UInt8], at offset: Int, in bytes: inout [UInt8]) {
    bytes.replaceSubrange(offset..<(offset + new.count), with: new)
  }
}

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
