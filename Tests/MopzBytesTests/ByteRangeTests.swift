import MopzBytes
import Testing

@Suite struct ByteRangeTests {
  @Test("a range up to the last byte is accepted, and one byte more is not")
  func edges() throws {
    let range = try #require(ByteRange(offset: 3, count: 7, within: 10))
    #expect(range.range == 3..<10 && range.end == 10)
    #expect(ByteRange(offset: 3, count: 8, within: 10) == nil)
    #expect(ByteRange(offset: 11, count: 0, within: 10) == nil)
    #expect(ByteRange(offset: 10, count: 0, within: 10)?.range == 10..<10)
    #expect(ByteRange(offset: 0, count: 0, within: 0) != nil)
  }

  @Test("sums that overflow and negative lengths are refused")
  func overflow() {
    #expect(ByteRange(offset: .max, count: 2, within: .max) == nil)
    #expect(ByteRange(offset: 1, count: .max, within: .max) == nil)
    #expect(ByteRange(offset: 1 << 63, count: 0, within: .max) == nil)
    #expect(ByteRange(offset: 0, count: 0, within: -1) == nil)
  }
}
