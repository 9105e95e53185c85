/// A small generator whose sequence depends on its seed alone (SplitMix64).
///
/// Tests take the seed as an argument, `@Test(arguments: SeededGenerator.seeds)`, so that a
/// failure names it.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  /// The seeds for tests that try several.
  public static let seeds: [UInt64] = [1, 2, 3, 0xFFFF_FFFF_FFFF_FFFF]

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number in (-1, 1), roughly bell-shaped around 0.
  public mutating func nextBell() -> Double {
    var sum = 0.0
    for _ in 0..<4 { sum += Double.random(in: -1...1, using: &self) }
    return sum / 4
  }
}
