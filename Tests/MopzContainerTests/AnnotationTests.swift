import MopzBytes
import MopzTestSupport
import SystemPackage
import Testing

@testable import MopzContainer

@Suite("Every byte is explained")
struct AnnotationTests {
  static func text(of bytes: Bytes) -> String {
    var text = ""
    ContainerAnnotation(bytes).forEach { annotation in
      for line in annotation.lines(of: bytes.span) { text += line + "\n" }
    }
    return text
  }

  /// Whether annotations follow one another from the first byte to the last.
  static func tiles(_ bytes: Bytes) -> Bool {
    var end = 0
    var isTiled = true
    ContainerAnnotation(bytes).forEach { annotation in
      isTiled = isTiled && annotation.offset == end && annotation.byteCount > 0
      end = annotation.offset + annotation.byteCount
    }
    return isTiled && end == bytes.count
  }

  @Test(
    "a valid file is listed as the independent reader lists it", arguments: FixtureTests.valid)
  func listing(_ name: String) throws {
    let bytes = try FixtureTests.bytes("valid", name)
    let expected = try #require(try FixtureTests.bytes("valid", "\(name).dump").text)
    let found = Self.text(of: bytes)
    if found != expected {
      let pairs = zip(found.split(separator: "\n"), expected.split(separator: "\n"))
      let first = pairs.first { $0 != $1 }
      Issue.record("\(name): \(first?.0 ?? "") instead of \(first?.1 ?? "")")
    }
    #expect(Self.tiles(bytes))
  }

  @Test("a damaged file is listed to its last byte", arguments: FixtureTests.invalid)
  func damaged(_ name: String) throws {
    #expect(Self.tiles(try FixtureTests.bytes("invalid", name)))
  }

  @Test("a file that ends anywhere is listed to its last byte")
  func truncated() throws {
    let bytes = try FixtureTests.bytes("valid", "worked-example.mopz")
    for count in [0, 1, 8, 31, 32, 4095, 4100, 4300, 8192, 12287] + Array(12288..<bytes.count) {
      #expect(Self.tiles(bytes.slice(0..<count)), "\(count)")
    }
  }

  @Test("bits that are flipped in the tables change no more than what they say")
  func mutated() throws {
    var generator = SeededGenerator(seed: 5)
    for name in ["planes.mopz", "rows-int8.mopz", "two-generations.mopz"] {
      let original = try FixtureTests.bytes("valid", name)
      for _ in 0..<400 {
        var changed = [UInt8](copying: original.span)
        let place = Int.random(in: 4096..<changed.count, using: &generator)
        changed[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
        #expect(Self.tiles(Bytes(changed)), "\(name) at \(place)")
      }
    }
  }

  @Test("a structure's fields are as long as the structure")
  func sizes() {
    func byteCount(_ fields: [StructureField]) -> Int {
      fields.reduce(0) { $0 + $1.kind.byteCount }
    }
    #expect(byteCount(Structures.header) == FileHeader.byteCount)
    #expect(byteCount(Structures.slot) == CommitSlot.byteCount)
    #expect(byteCount(Structures.directory) == DirectoryHeader.byteCount)
    #expect(byteCount(Structures.entry) == TaskEntry.byteCount)
    #expect(byteCount(Structures.deadExtent) == DeadExtent.byteCount)
    #expect(byteCount(Structures.record) == RecordHeader.byteCount)
    #expect(byteCount(Structures.indexSegment) == BlockIndexHeader.byteCount)
    #expect(byteCount(Structures.indexEntry) == BlockIndexEntry.byteCount)
    for section in RecordSection.allCases {
      if let fields = section.fields { #expect(byteCount(fields) == section.elementByteCount) }
    }
  }
}
