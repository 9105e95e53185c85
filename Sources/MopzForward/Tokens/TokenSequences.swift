/// Token ids, sequence by sequence, with where they come from.
public struct TokenSequences: Hashable, Sendable {
  /// The most tokens that are taken.
  public static let countMax = 1 << 24

  /// Where they come from: `seeded`, or the name of a file.
  public var source: String
  /// The ids, one array per sequence.
  public var sequences: [[Int]]
  /// Whether each id is a token and not padding; nil if all are.
  public var masks: [[Bool]]?

  /// Makes a value of its parts.
  ///
  /// - Precondition: Masks are as long as the sequences.
  public init(source: String, sequences: [[Int]], masks: [[Bool]]? = nil) {
    precondition(masks == nil || masks?.map(\.count) == sequences.map(\.count))
    self.source = source
    self.sequences = sequences
    self.masks = masks
  }

  /// The number of ids.
  public var count: Int { sequences.reduce(0) { $0 + $1.count } }

  /// The length of the longest sequence.
  public var longest: Int { sequences.map(\.count).max() ?? 0 }

  /// Ids that a fixed generator draws from a model's vocabulary.
  ///
  /// The same for the same arguments, on every machine; no text, so a loss says little.
  public static func seeded(
    for model: ModelDescription, sequenceCount: Int = 4, length: Int = 64, seed: UInt64 = 1
  ) -> TokenSequences {
    var generator = SplitMix64(state: seed)
    let length = min(length, model.positionCountMax ?? length)
    let sequences = (0..<sequenceCount).map { _ in
      (0..<length).map { _ in generator.next(below: model.vocabularySize) }
    }
    return TokenSequences(source: "seeded", sequences: sequences)
  }

  /// Checks that a model can read them.
  ///
  /// - Throws: ``TokenError``.
  public func validate(for model: ModelDescription) throws(TokenError) {
    guard !sequences.isEmpty else { throw .empty(sequence: nil) }
    guard count <= Self.countMax else { throw .tooMany(count: count, limit: Self.countMax) }
    for (number, ids) in sequences.enumerated() {
      guard !ids.isEmpty else { throw .empty(sequence: number) }
      if let limit = model.positionCountMax, ids.count > limit {
        throw .tooLong(sequence: number, count: ids.count, limit: limit)
      }
      if let position = ids.firstIndex(where: { !(0..<model.vocabularySize).contains($0) }) {
        throw .idOutsideVocabulary(
          id: ids[position], sequence: number, position: position,
          vocabularySize: model.vocabularySize)
      }
    }
  }

  /// Some of the sequences.
  func part(_ range: Range<Int>) -> TokenSequences {
    TokenSequences(
      source: source, sequences: Array(sequences[range]), masks: masks.map { Array($0[range]) })
  }
}

/// A small generator whose numbers depend on its seed alone.
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number below a limit that is small beside 2⁶⁴.
  mutating func next(below limit: Int) -> Int { Int(next() % UInt64(limit)) }

  /// A number in (−1, 1).
  mutating func nextUnit() -> Float { Float(Int64(bitPattern: next()) >> 40) * 0x1p-23 }
}
