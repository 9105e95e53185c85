import MopzBytes
import MopzDigest
import MopzTensors
import MopzTestSupport
import Testing

@testable import MopzContainer

/// The bytes of version 1, spelled out, which no later version may change.
@Suite("Never change these constants")
struct FormatConstantsTests {
  @Test("magic numbers are the bytes that the specification gives")
  func magic() {
    let bytes = FileHeader().bytes
    let header = [UInt8](copying: bytes.span)
    #expect(Array(header[..<8]) == [0x8D, 0x4D, 0x4F, 0x50, 0x5A, 0x0D, 0x0A, 0x1A])
    #expect(Array(header[8..<16]) == [1, 0, 0, 0, 0, 0x30, 0, 0])
    #expect(Self.ascii(FormatConstants.slotMagic) == "MOPZSLOT")
    #expect(Self.ascii(FormatConstants.directoryMagic) == "MOPZDIRY")
    #expect(Self.ascii(FormatConstants.recordMagic) == "MOPZTASK")
    #expect(Self.ascii(FormatConstants.blockIndexMagic) == "MOPZBIDX")
    #expect(Self.ascii(FormatConstants.baseRecordMagic) == "MOPZBASE")
  }

  private static func ascii(_ number: UInt64) -> String {
    String(decoding: (0..<8).map { UInt8(number >> (8 * UInt64($0)) & 0xFF) }, as: UTF8.self)
  }

  @Test("sizes, places and limits stay")
  func sizes() {
    #expect(FormatVersion.major == 1 && FormatVersion.minor == 0)
    #expect(FormatConstants.pageByteCount == 4096 && FormatConstants.headerByteCount == 12288)
    #expect(FormatConstants.slotOffsets == (4096, 8192))
    #expect(FormatConstants.regionAlignment == 64 && FormatConstants.largeBlockAlignment == 4096)
    #expect(FormatConstants.largeBlockByteCount == 65536)
    #expect(FormatConstants.none == 4_294_967_295)
    #expect(Limits.taskCount == 1_048_576 && Limits.recordByteCount == 1_073_741_824)
    #expect(Limits.sourceTensorCount == 16_777_216 && Limits.dimensionCount == 8)
    #expect(Limits.blockByteCount == 1_099_511_627_776)
    #expect(Limits.poolVectorCount == 4_294_967_294)
    #expect(Limits.rank == 65536 && Limits.chunkCount == 65536 && Limits.mixCount == 256)
    #expect(Limits.nameByteCount == 255 && Limits.kindByteCount == 63)
  }

  @Test("structures have the sizes of the specification's tables")
  func structures() {
    #expect(CommitSlot.byteCount == 128 && DirectoryHeader.byteCount == 64)
    #expect(TaskEntry.byteCount == 96 && DeadExtent.byteCount == 16)
    #expect(RecordHeader.byteCount == 64 && RecordLayout.headerByteCount == 192)
    #expect(BlockIndexHeader.byteCount == 64 && BlockIndexEntry.byteCount == 32)
    #expect(
      RecordSection.allCases.map(\.elementByteCount)
        == [1, 64, 8, 56, 32, 4, 16, 64, 40, 64, 16, 32, 8, 16, 16, 1])
  }

  @Test("the content hash of a small block is what the specification's formula gives")
  func contentHash() {
    let element = Bytes([1, 2, 3, 4])
    let inner = XXH3.hash128(element.span)
    let bytes: [UInt8] =
      [18, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] + inner.littleEndianBytes
    let expected = XXH3.hash128(bytes.span.rawBytes)
    #expect(ContentHash.hash(.f32, [1], bytes: inner) == expected)
  }
}

@Suite("What a structure writes it parses")
struct LayoutTests {
  /// Writes random bytes that were parsed as a row, and expects the same bytes.
  private static func check<Row: FixedLayout>(
    _ type: Row.Type, reserved: [Range<Int>] = [], seed: UInt64 = 7
  ) {
    var generator = SeededGenerator(seed: seed)
    var bytes = (0..<Row.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
    for offset in reserved.joined() { bytes[offset] = 0 }
    #expect(isReservedZero(type, bytes), "\(Row.self)")
    expectSameBytes(Row(parsing: bytes.span.rawBytes, at: 0).bytes, Bytes(bytes))
    for offset in reserved.joined() {
      var changed = bytes
      changed[offset] = 1
      #expect(!isReservedZero(type, changed), "\(Row.self) \(offset)")
    }
  }

  private static func isReservedZero<Row: FixedLayout>(_ type: Row.Type, _ bytes: [UInt8]) -> Bool {
    Row.reservedIsZero(in: bytes.span.rawBytes, at: 0)
  }

  @Test("every structure, with every byte either a field or reserved")
  func roundTrip() {
    Self.check(FileHeader.self)
    Self.check(CommitSlot.self)
    Self.check(SegmentReference.self)
    Self.check(DirectoryHeader.self, reserved: [56..<64])
    Self.check(DeadExtent.self)
    Self.check(TaskEntry.self, reserved: [80..<88])
    Self.check(BlockIndexHeader.self, reserved: [48..<64])
    Self.check(BlockIndexEntry.self)
    Self.check(RecordHeader.self, reserved: [40..<64])
    Self.check(StringReference.self)
    Self.check(BlockRow.self)
    Self.check(FileRow.self, reserved: [32..<56])
    Self.check(SourceTensorRow.self, reserved: [20..<32])
    Self.check(PairRow.self)
    Self.check(TargetRow.self, reserved: [48..<64])
    Self.check(TableRun.self)
    Self.check(TermRow.self, reserved: [17..<20, 32..<40])
    Self.check(FactorRow.self, reserved: [27..<28, 52..<64])
    Self.check(PoolRow.self)
    Self.check(PoolRangeRow.self, reserved: [6..<8, 24..<32])
    Self.check(OperandRow.self, reserved: [2..<4])
    Self.check(ScalarRow.self, reserved: [2..<8])
  }
}
