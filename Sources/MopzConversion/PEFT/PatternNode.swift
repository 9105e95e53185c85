/// The parts of a regular expression.
indirect enum PatternNode: Hashable, Sendable {
  case set(PatternSet)
  case assertion(PatternAssertion)
  case sequence([PatternNode])
  case alternatives([PatternNode])
  case repetition(PatternNode, atLeast: Int, atMost: Int?)
}

/// A condition on the place between two characters.
enum PatternAssertion: Hashable, Sendable {
  case start
  case end
  case wordBoundary
  case noWordBoundary

  /// Whether the condition holds before the character at `index`.
  func holds(at index: Int, of text: [UInt32]) -> Bool {
    switch self {
    case .start: index == 0
    case .end: index == text.count
    case .wordBoundary: isWordBoundary(index, text)
    case .noWordBoundary: !isWordBoundary(index, text)
    }
  }

  private func isWordBoundary(_ index: Int, _ text: [UInt32]) -> Bool {
    let before = index > 0 && PatternSet.Item.word.contains(text[index - 1])
    let after = index < text.count && PatternSet.Item.word.contains(text[index])
    return before != after
  }
}

/// A set of characters.
struct PatternSet: Hashable, Sendable {
  enum Item: Hashable, Sendable {
    case range(ClosedRange<UInt32>)
    case digit
    case notDigit
    case word
    case notWord
    case space
    case notSpace

    func contains(_ scalar: UInt32) -> Bool {
      switch self {
      case .range(let range): range.contains(scalar)
      case .digit: (0x30...0x39).contains(scalar)
      case .notDigit: !Item.digit.contains(scalar)
      case .word:
        (0x30...0x39).contains(scalar) || (0x41...0x5A).contains(scalar) || scalar == 0x5F
          || (0x61...0x7A).contains(scalar)
          || (scalar >= 0x80 && Unicode.Scalar(scalar)?.properties.isAlphabetic == true)
      case .notWord: !Item.word.contains(scalar)
      case .space: scalar == 0x20 || (0x09...0x0D).contains(scalar)
      case .notSpace: !Item.space.contains(scalar)
      }
    }
  }

  var items: [Item]
  var isNegated: Bool

  init(_ items: [Item], isNegated: Bool = false) {
    self.items = items
    self.isNegated = isNegated
  }

  /// What a dot matches.
  static let anyButLineBreak = PatternSet([.range(0x0A...0x0A)], isNegated: true)

  func contains(_ scalar: UInt32) -> Bool {
    items.contains { $0.contains(scalar) } != isNegated
  }
}
