import ArgumentParser

/// A number of bytes on the command line, such as `12M`, `300K`, `1.5G` or `4096`.
///
/// K, M, G and T are powers of 1000, as everywhere in what the program prints; Ki, Mi, Gi and
/// Ti are powers of 1024.
struct ByteSize: ExpressibleByArgument, Hashable {
  let count: Int

  init?(argument: String) {
    var digits = argument[...]
    var unit = 1.0
    if digits.hasSuffix("i") {
      digits.removeLast()
      guard let power = Self.power(of: digits.popLast()) else { return nil }
      for _ in 0..<power { unit *= 1024 }
    } else if let power = Self.power(of: digits.last) {
      digits.removeLast()
      for _ in 0..<power { unit *= 1000 }
    }
    let isPlain = digits.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
    guard isPlain, let number = Double(String(digits)), number * unit < 9e18 else { return nil }
    count = Int((number * unit).rounded())
  }

  private static func power(of letter: Character?) -> Int? {
    switch letter {
    case "K", "k": 1
    case "M": 2
    case "G": 3
    case "T": 4
    default: nil
    }
  }
}
