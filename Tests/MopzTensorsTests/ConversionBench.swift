import MopzBytes
import MopzTensors
import MopzTestSupport

/// Runs a conversion over bit patterns that are held as integers.
struct PatternConversion {
  let source: ReferenceFloat.Format
  let target: ReferenceFloat.Format

  /// Every pair of different types.
  static let all = ReferenceFloat.Format.all.flatMap { source in
    ReferenceFloat.Format.all.filter { $0 != source }.map {
      PatternConversion(source: source, target: $0)
    }
  }

  /// The kernels that this processor has.
  static let kernels = ConversionKernel.allCases.filter(\.isAvailable)

  /// What a kernel makes of the patterns, with both arrays `shift` bytes off alignment.
  func run(_ patterns: [UInt64], kernel: ConversionKernel, shift: Int = 0) -> [UInt64] {
    let input = store(patterns, shift: shift)
    let size = patterns.count * target.byteCount
    let guardByte: UInt8 = 0xA5
    let output = Bytes(byteCount: shift + size + 64) { target in
      for i in 0..<target.byteCount { target.storeLittleEndian(guardByte, toByteOffset: i) }
      var slot = target._mutatingExtracting(shift..<(shift + size))
      kernel.convert(
        input.span.extracting(shift..<input.count), as: source.dtype, to: &slot,
        as: self.target.dtype)
    }
    for i in 0..<shift { precondition(output.span.byte(at: i) == guardByte) }
    for i in (shift + size)..<output.count { precondition(output.span.byte(at: i) == guardByte) }
    return (0..<patterns.count).map { load(output, shift + $0 * target.byteCount) }
  }

  /// What the definition makes of them.
  func expected(_ patterns: [UInt64]) -> [UInt64] {
    patterns.map { ReferenceFloat.convert($0, from: source, to: target) }
  }

  /// The first pattern on which a kernel differs from `expected`, as text, or nil.
  func difference(_ patterns: [UInt64], _ expected: [UInt64], _ kernel: ConversionKernel)
    -> String?
  {
    let found = run(patterns, kernel: kernel)
    guard let index = found.indices.first(where: { found[$0] != expected[$0] }) else { return nil }
    let hex = { String($0 as UInt64, radix: 16) }
    return "\(kernel) \(source.dtype.code)→\(target.dtype.code) of \(hex(patterns[index])):"
      + " \(hex(found[index])), expected \(hex(expected[index]))"
  }

  private func store(_ patterns: [UInt64], shift: Int) -> Bytes {
    Bytes(byteCount: shift + patterns.count * source.byteCount) { bytes in
      for (i, pattern) in patterns.enumerated() {
        let offset = shift + i * source.byteCount
        switch source.byteCount {
        case 2: bytes.storeLittleEndian(UInt16(pattern), toByteOffset: offset)
        case 4: bytes.storeLittleEndian(UInt32(pattern), toByteOffset: offset)
        default: bytes.storeLittleEndian(pattern, toByteOffset: offset)
        }
      }
    }
  }

  private func load(_ bytes: Bytes, _ offset: Int) -> UInt64 {
    let span = bytes.span
    return switch target.byteCount {
    case 2: UInt64(span.loadLittleEndian(fromByteOffset: offset, as: UInt16.self))
    case 4: UInt64(span.loadLittleEndian(fromByteOffset: offset, as: UInt32.self))
    default: span.loadLittleEndian(fromByteOffset: offset, as: UInt64.self)
    }
  }
}

/// Patterns that cover what can go wrong in rounding.
enum Patterns {
  /// Both signs and every exponent, with significands around the tie of every
  /// possible number of dropped bits.
  static func ties(of format: ReferenceFloat.Format, exponents: [UInt64]? = nil) -> [UInt64] {
    var fractions: Set<UInt64> = []
    let bits = UInt64(format.fractionBits)
    let mask: UInt64 = 1 << bits - 1
    for dropped in 1...bits {
      let half: UInt64 = 1 << (dropped - 1)
      let kept = mask >> dropped
      for upper in [0, 1, 2, kept & 0x5555_5555_5555_5555, kept &- 1 & kept, kept] as [UInt64] {
        for lower in [0, 1, half &- 1, half, half + 1, half << 1 - 1] as [UInt64] {
          fractions.insert((upper << dropped | lower) & mask)
        }
      }
    }
    let ordered = fractions.sorted()
    let fields = exponents ?? Array(0...format.exponentMax)
    return [0, format.signBit].flatMap { sign in
      fields.flatMap { field in ordered.map { sign | field << bits | $0 } }
    }
  }

  /// Uniform bit patterns.
  static func random(_ count: Int, of format: ReferenceFloat.Format, seed: UInt64) -> [UInt64] {
    var generator = SeededGenerator(seed: seed)
    let mask = format.signBit | (format.signBit - 1)
    return (0..<count).map { _ in generator.next() & mask }
  }
}
