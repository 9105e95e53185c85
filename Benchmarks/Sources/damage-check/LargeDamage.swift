import MopzToolkit
import SystemPackage

/// Random damages of a large container: bits, bytes, pages, sectors.
enum LargeDamage {
  /// Bytes that come to stand at an offset.
  typealias Edit = (offset: Int, bytes: [UInt8])

  private static let kinds:
    [(name: String, edits: @Sendable ([UInt8], inout Generator) -> [Edit])] = [
      ("bit flips, large file", flip), ("overwritten bytes, large file", overwrite),
      ("zeroed pages, large file", zeroPage), ("swapped sectors, large file", swapSectors),
      ("sectors of another place, large file", copySector),
    ]

  static func run(_ path: FilePath, count: Int) throws -> Tally {
    let mapped = try Bytes(mapping: path)
    var bytes = [UInt8](copying: mapped.span)
    let layout = try ContainerLayout(bytes)
    var generator = Generator(state: 1)
    var tally = Tally()
    for index in 0..<count {
      let kind = kinds[index % kinds.count]
      var edits: [Edit] = []
      var changed: [Int] = []
      // Zeros over zeros are no damage.
      while changed.isEmpty {
        edits = kind.edits(bytes, &generator)
        changed = edits.flatMap { edit in
          edit.bytes.indices.filter { bytes[edit.offset + $0] != edit.bytes[$0] }
            .map { edit.offset + $0 }
        }
      }
      let saved = edits.map { edit -> Edit in
        (edit.offset, Array(bytes[edit.offset..<(edit.offset + edit.bytes.count)]))
      }
      for edit in edits { replace(edit, in: &bytes) }
      let isCovered = changed.contains { layout.expectation(at: $0) == .error }
      let findings = try ContainerVerification(of: Bytes(bytes)).findings
      tally.count(
        kind.name, isCovered ? .error : .silence, findings, "at \(edits.map(\.offset))")
      for edit in saved { replace(edit, in: &bytes) }
    }
    return tally
  }

  private static func replace(_ edit: Edit, in bytes: inout [UInt8]) {
    for (index, byte) in edit.bytes.enumerated() { bytes[edit.offset + index] = byte }
  }

  private static func flip(_ bytes: [UInt8], _ generator: inout Generator) -> [Edit] {
    let offset = generator.next(below: bytes.count)
    return [(offset, [bytes[offset] ^ (1 << UInt8(generator.next(below: 8)))])]
  }

  private static func overwrite(_ bytes: [UInt8], _ generator: inout Generator) -> [Edit] {
    let count = 1 + generator.next(below: 64)
    let offset = generator.next(below: bytes.count - count)
    return [(offset, (0..<count).map { _ in UInt8(generator.next(below: 256)) })]
  }

  private static func zeroPage(_ bytes: [UInt8], _ generator: inout Generator) -> [Edit] {
    let offset = generator.next(below: bytes.count / 4096) * 4096
    return [(offset, [UInt8](repeating: 0, count: 4096))]
  }

  private static func swapSectors(_ bytes: [UInt8], _ generator: inout Generator) -> [Edit] {
    let first = generator.next(below: bytes.count / 512) * 512
    let second = generator.next(below: bytes.count / 512) * 512
    return [
      (first, Array(bytes[second..<(second + 512)])), (second, Array(bytes[first..<(first + 512)])),
    ]
  }

  private static func copySector(_ bytes: [UInt8], _ generator: inout Generator) -> [Edit] {
    Array(swapSectors(bytes, &generator).prefix(1))
  }
}

/// A small generator whose numbers depend on its seed alone (SplitMix64).
struct Generator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func next(below limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
