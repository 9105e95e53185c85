#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the first `size` elements of queries and keys are rotated by their position.
///
/// Element j of the first half and element j of the second half are turned by the
/// angle `position · frequency[j]`.
public struct Rotation: Hashable, Sendable {
  /// How frequencies differ from `base^(−2j / size)`.
  public enum Scaling: Hashable, Sendable {
    /// Not at all.
    case none
    /// Divided by a factor.
    case linear(factor: Double)
    /// A larger base for sequences beyond `length`.
    case dynamic(factor: Double, length: Int)
    /// Divided for long waves, kept for short ones, with a smooth band between.
    case llama3(factor: Double, low: Double, high: Double, length: Int)
    /// Divided by a ramp over the dimensions between two numbers of turns.
    case yarn(
      factor: Double, fast: Double, slow: Double, length: Int, isTruncated: Bool)
  }

  /// The number of elements that are rotated.
  public var size: Int
  /// The base of the frequencies, `rope_theta`.
  public var base: Double
  /// The scaling.
  public var scaling: Scaling
  /// What cosine and sine are multiplied by.
  public var magnitude: Double = 1

  /// The frequencies, `[size / 2]`.
  ///
  /// - Parameter longest: The number of positions of the longest sequence.
  public func frequencies(longest: Int) -> [Double] {
    let plain = Self.frequencies(size, base)
    switch scaling {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / factor }
    case .dynamic(let factor, let length):
      let count = Double(max(longest, length))
      let stretch = factor * count / Double(length) - (factor - 1)
      return Self.frequencies(size, base * pow(stretch, Double(size) / Double(size - 2)))
    case .llama3(let factor, let low, let high, let length):
      return plain.map { frequency in
        let turns = Double(length) * frequency / (2 * Double.pi)
        if turns > high { return frequency }
        if turns < low { return frequency / factor }
        let share = (turns - low) / (high - low)
        return (1 - share) * frequency / factor + share * frequency
      }
    case .yarn(let factor, let fast, let slow, let length, let isTruncated):
      // The dimension whose wave makes a number of turns within the original length.
      func dimension(turns: Double) -> Double {
        Double(size) * log(Double(length) / (turns * 2 * Double.pi)) / (2 * log(base))
      }
      var (first, last) = (dimension(turns: fast), dimension(turns: slow))
      if isTruncated { (first, last) = (first.rounded(.down), last.rounded(.up)) }
      (first, last) = (max(first, 0), min(last, Double(size - 1)))
      if first == last { last += 0.001 }
      return plain.enumerated().map { j, frequency in
        let ramp = min(max((Double(j) - first) / (last - first), 0), 1)
        return frequency / factor * ramp + frequency * (1 - ramp)
      }
    }
  }

  /// Cosines and sines of all positions, each `[longest, size / 2]`.
  func table(longest: Int) -> (cosines: [Float], sines: [Float]) {
    // Frequencies and angles in Float32, as the models were trained.
    let frequencies = frequencies(longest: longest).map { Float($0) }
    var cosines: [Float] = []
    var sines: [Float] = []
    cosines.reserveCapacity(longest * frequencies.count)
    sines.reserveCapacity(longest * frequencies.count)
    for position in 0..<longest {
      for frequency in frequencies {
        let angle = Double(Float(position) * frequency)
        cosines.append(Float(cos(angle) * magnitude))
        sines.append(Float(sin(angle) * magnitude))
      }
    }
    return (cosines, sines)
  }

  private static func frequencies(_ size: Int, _ base: Double) -> [Double] {
    (0..<size / 2).map { pow(base, -2 * Double($0) / Double(size)) }
  }
}
