import MopzBytes
import MopzDigest
import Testing

@Suite struct Digest128Tests {
  let digest = Digest128(low: 0x6001_C324_468D_497F, high: 0x99AA_06D3_0147_98D8)

  @Test("the stored form is the low half, then the high half, low bytes first")
  func storedForm() {
    let bytes: [UInt8] = [
      0x7F, 0x49, 0x8D, 0x46, 0x24, 0xC3, 0x01, 0x60,
      0xD8, 0x98, 0x47, 0x01, 0xD3, 0x06, 0xAA, 0x99,
    ]
    #expect(digest.littleEndianBytes == bytes)
    #expect(Digest128(littleEndian: Bytes([7, 7, 7] + bytes).span, at: 3) == digest)
    let stored = Bytes(byteCount: 20) { span in digest.store(to: &span, at: 2) }
    #expect([UInt8](copying: stored.span) == [0, 0] + bytes + [0, 0])
  }

  @Test("hexadecimal digits read back, and anything else is refused")
  func hexadecimal() {
    #expect(digest.hex == "99aa06d3014798d86001c324468d497f")
    #expect(Digest128(hex: digest.hex) == digest)
    #expect(Digest128(hex: "99AA06D3014798D86001C324468D497F") == digest)
    #expect(Digest128(low: 1, high: 0).hex == "00000000000000000000000000000001")
    for wrong in [
      "", "1", "99aa06d3014798d86001c324468d497", "99aa06d3014798d86001c324468d497g",
      "+9aa06d3014798d86001c324468d497f", "99aa06d3014798d8-001c324468d497f",
      "99aa06d3014798d86001c324468d497f0",
    ] {
      #expect(Digest128(hex: wrong) == nil, "\(wrong)")
    }
  }

  @Test("digests are ordered as numbers")
  func order() {
    let ordered = [
      Digest128.zero, Digest128(low: 1, high: 0), Digest128(low: .max, high: 0),
      Digest128(low: 0, high: 1), Digest128(low: 0, high: 1 << 63),
    ]
    #expect(ordered.reversed().sorted() == ordered)
    #expect(ordered.map(\.hex).sorted() == ordered.map(\.hex))
  }
}
