import MopzToolkit
import SystemPackage

/// Every single-bit flip and every truncation of a small container.
enum SmallDamage {
  static func run(_ path: FilePath) throws -> Tally {
    let mapped = try Bytes(mapping: path)
    let original = [UInt8](copying: mapped.span)
    let layout = try ContainerLayout(original)
    let pieces = 64
    let tallies = WorkerThreads.all.map(pieces) { piece in
      var tally = Tally()
      var bytes = original
      for offset in stride(from: piece, to: original.count, by: pieces) {
        for bit in 0..<8 {
          bytes[offset] ^= 1 << UInt8(bit)
          tally.count(
            "bit flips, small files", layout.expectation(at: offset), findings(bytes),
            "\(path) byte \(offset) bit \(bit)")
          bytes[offset] = original[offset]
        }
        tally.count(
          "truncations, small files", layout.expectation(ofLength: offset),
          findings(Array(original[..<offset])), "\(path) cut to \(offset)")
      }
      return tally
    }
    var tally = Tally()
    for one in tallies { tally.add(one) }
    return tally
  }

  static func findings(_ bytes: [UInt8]) -> [Finding] {
    do {
      return try ContainerVerification(of: Bytes(bytes), threads: WorkerThreads(count: 1)).findings
    } catch { return [] }
  }
}
