import MopzBytes
import MopzTestSupport
import Testing

@Suite("What a fuzzer found once is found no more")
struct FuzzReplayTests {
  @Test("containers that are sealed anew are refused, or written back as they were")
  func sealedContainers() throws {
    let files = try Fixtures.files(below: "fuzz/FuzzSealedContainer", suffix: "")
    #expect(!files.isEmpty)
    for file in files {
      let bytes = try Bytes(mapping: file)
      let input = try #require(SealedInput([UInt8](copying: bytes.span)))
      let copies = try WrittenCopies()
      #expect(throws: Never.self, "\(file)") { try input.check(writingTo: copies) }
    }
  }

  @Test("every valid fixture, sealed anew, is what it was", arguments: FixtureTests.valid)
  func valid(_ name: String) throws {
    let file = try FixtureTests.bytes("valid", name)
    let bytes = [UInt8](copying: file.span)
    let input =
      bytes[0..<32] + bytes[4096..<(4096 + 112)] + bytes[8192..<(8192 + 112)] + bytes[12288...]
    let sealed = try #require(SealedInput(Array(input)))
    expectSameBytes(sealed.bytes, file, name)
    #expect(try sealed.check(writingTo: WrittenCopies()))
  }
}
