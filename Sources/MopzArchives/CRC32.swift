import MopzBytes

/// The checksum of gzip and zip (ISO 3309, polynomial 0xEDB88320 reversed).
///
/// libarchive checks it for zip entries and leaves it unread for gzip.
struct CRC32: Sendable {
  private static let tables = makeTables()
  private var state: UInt32 = .max

  /// The checksum of the bytes so far.
  var value: UInt32 { ~state }

  /// Takes more bytes, eight at a time ("slicing by eight").
  mutating func update(_ bytes: RawSpan) {
    let table = Self.tables.span
    var crc = state
    let octets = bytes.byteCount / 8
    for index in 0..<octets {
      let word = bytes.loadLittleEndian(fromByteOffset: 8 * index, as: UInt64.self) ^ UInt64(crc)
      crc =
        table[7 << 8 | Int(word & 0xff)] ^ table[6 << 8 | Int(word >> 8 & 0xff)]
        ^ table[5 << 8 | Int(word >> 16 & 0xff)] ^ table[4 << 8 | Int(word >> 24 & 0xff)]
        ^ table[3 << 8 | Int(word >> 32 & 0xff)] ^ table[2 << 8 | Int(word >> 40 & 0xff)]
        ^ table[1 << 8 | Int(word >> 48 & 0xff)] ^ table[Int(word >> 56)]
    }
    for offset in (8 * octets)..<bytes.byteCount {
      crc = crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ bytes.byte(at: offset))]
    }
    state = crc
  }

  /// Eight tables of 256: the k-th moves a byte past k more zero bytes.
  private static func makeTables() -> [UInt32] {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
      tables[byte] = value
    }
    for index in 256..<tables.count {
      let previous = tables[index - 256]
      tables[index] = previous >> 8 ^ tables[Int(previous & 0xff)]
    }
    return tables
  }
}
