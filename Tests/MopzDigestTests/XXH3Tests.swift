import MopzBytes
import MopzDigest
import MopzTestSupport
import Testing

/// The published vectors of XXH3 with seed 0 over the buffer that its own tests use.
@Suite struct XXH3Tests {
  /// Byte i is the highest byte of `2654435761 · 11400714785074694797^i` modulo 2^64.
  static let buffer: [UInt8] = {
    var product: UInt64 = 2_654_435_761
    return (0..<2367).map { _ in
      defer { product &*= 11_400_714_785_074_694_797 }
      return UInt8(product >> 56)
    }
  }()

  /// Length, low half, high half: one or more of each branch of the algorithm.
  static let vectors128: [(Int, UInt64, UInt64)] = [
    (0, 0x6001_C324_468D_497F, 0x99AA_06D3_0147_98D8),
    (1, 0xC44B_DFF4_074E_ECDB, 0xA6CD_5E93_9200_0F6A),
    (6, 0x3E70_39BD_DA43_CFC6, 0x082A_FE0B_8162_D12A),
    (12, 0x061A_1927_13F6_9AD9, 0x6E3E_FD8F_C780_2B18),
    (24, 0x1E70_44D2_8B1B_901D, 0x0CE9_66E4_678D_3761),
    (48, 0xF942_219A_ED80_F67B, 0xA002_AC4E_5478_227E),
    (81, 0x5E8B_AFB9_F95F_B803, 0x4952_F581_81AB_0042),
    (222, 0xF1AE_BD59_7CEC_6B3A, 0x337E_0964_1B94_8717),
    (403, 0xCDEB_804D_65C6_DEA4, 0x1B6D_E21E_332D_D73D),
    (512, 0x617E_4959_9013_CB6B, 0x18D2_D110_DCC9_BCA1),
    (2048, 0xDD59_E2C3_A5F0_38E0, 0xF736_557F_D470_73A5),
    (2367, 0xCB37_AEB9_E5D3_61ED, 0xE89C_0F6F_F369_B427),
  ]

  static let vectors64: [(Int, UInt64)] = [
    (0, 0x2D06_8005_38D3_94C2), (1, 0xC44B_DFF4_074E_ECDB), (6, 0x27B5_6A84_CD2D_7325),
    (12, 0xA713_DAF0_DFBB_77E7), (24, 0xA3FE_70BF_9D35_10EB), (48, 0x397D_A259_ECBA_1F11),
    (80, 0xBCDE_FBBB_2C47_C90A), (195, 0xCD94_217E_E362_EC3A), (2367, 0xCB37_AEB9_E5D3_61ED),
  ]

  @Test("the 128-bit hashes are the published ones", arguments: vectors128)
  func hash128(count: Int, low: UInt64, high: UInt64) {
    let bytes = Bytes(Array(Self.buffer.prefix(count)))
    #expect(XXH3.hash128(bytes.span) == Digest128(low: low, high: high))
  }

  @Test("the 64-bit hashes are the published ones", arguments: vectors64)
  func hash64(count: Int, hash: UInt64) {
    let bytes = Bytes(Array(Self.buffer.prefix(count)))
    #expect(XXH3.hash64(bytes.span) == hash)
  }

  @Test("the start of the bytes in memory does not matter")
  func alignment() {
    for shift in 0..<8 {
      let bytes = Bytes([UInt8](repeating: 0xAA, count: shift) + Self.buffer)
      let slice = bytes.slice(shift..<(shift + 2048))
      #expect(XXH3.hash128(slice.span).low == 0xDD59_E2C3_A5F0_38E0)
    }
  }

  @Test("a stream gives the same hash however it is cut", arguments: SeededGenerator.seeds)
  func stream(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let bytes = Bytes(Self.buffer)
    var stream = XXH3Stream()
    var offset = 0
    while offset < bytes.count {
      let count = min(Int.random(in: 0...300, using: &generator), bytes.count - offset)
      stream.update(bytes.slice(offset..<(offset + count)).span)
      offset += count
      #expect(stream.finish() == XXH3.hash128(bytes.slice(0..<offset).span))
    }
    #expect(stream.finish().high == 0xE89C_0F6F_F369_B427)
  }

  @Test("a stream without bytes has the hash of no bytes")
  func emptyStream() {
    let stream = XXH3Stream()
    #expect(stream.finish().hex == "99aa06d3014798d86001c324468d497f")
  }

  @Test("one changed bit changes the hash")
  func changedBit() {
    var changed = Self.buffer
    changed[1000] ^= 1
    #expect(XXH3.hash128(Bytes(changed).span) != XXH3.hash128(Bytes(Self.buffer).span))
  }
}
