/// Reads Python's regular expressions, as far as an automaton can run them.
///
/// Known are characters, escapes, sets, groups, alternatives, repetitions and the
/// anchors `^ $ \A \Z \b \B`. Back references, look-around and flags are refused.
struct PatternParser {
  /// The longest pattern, in bytes.
  static let byteCountMax = 1024
  /// The deepest nesting of groups.
  static let depthMax = 32

  private let scalars: [UInt32]
  private var position = 0
  private var depth = 0

  /// Reads a pattern.
  ///
  /// - Throws: ``PatternError`` with what is wrong, and where.
  static func parse(_ source: String) throws(PatternError) -> PatternNode {
    guard source.utf8.count <= byteCountMax else {
      throw PatternError(
        description: "has \(source.utf8.count) bytes, at most \(byteCountMax) are read")
    }
    var parser = PatternParser(scalars: source.unicodeScalars.map(\.value))
    let node = try parser.readAlternatives()
    guard parser.position == parser.scalars.count else { throw parser.failure("unbalanced )") }
    return node
  }

  private init(scalars: [UInt32]) { self.scalars = scalars }

  private func failure(_ message: String) -> PatternError {
    PatternError(description: "\(message) at character \(position)")
  }

  private var peek: Character? {
    guard position < scalars.count, let scalar = Unicode.Scalar(scalars[position]) else {
      return nil
    }
    return Character(scalar)
  }

  private mutating func take(_ character: Character) -> Bool {
    guard peek == character else { return false }
    position += 1
    return true
  }

  private mutating func readAlternatives() throws(PatternError) -> PatternNode {
    var alternatives = [try readSequence()]
    while take("|") { alternatives.append(try readSequence()) }
    return alternatives.count == 1 ? alternatives[0] : .alternatives(alternatives)
  }

  private mutating func readSequence() throws(PatternError) -> PatternNode {
    var nodes: [PatternNode] = []
    while let next = peek, next != "|", next != ")" {
      let isAnchor = next == "^" || next == "$"
      let node = try readAtom()
      nodes.append(isAnchor ? node : try readRepetition(of: node))
    }
    return nodes.count == 1 ? nodes[0] : .sequence(nodes)
  }

  private mutating func readAtom() throws(PatternError) -> PatternNode {
    guard let next = peek else { throw failure("the pattern ends early") }
    switch next {
    case "^":
      position += 1
      return .assertion(.start)
    case "$":
      position += 1
      return .assertion(.end)
    case ".":
      position += 1
      return .set(.anyButLineBreak)
    case "(": return try readGroup()
    case "[": return .set(try readSet())
    case "\\": return try readEscape()
    case "*", "+", "?": throw failure("nothing to repeat")
    default:
      position += 1
      return .set(PatternSet([.range(scalars[position - 1]...scalars[position - 1])]))
    }
  }

  private mutating func readGroup() throws(PatternError) -> PatternNode {
    position += 1
    depth += 1
    guard depth <= Self.depthMax else { throw failure("groups nest too deeply") }
    if take("?") {
      if take("P") {
        guard take("<") else { throw failure("a back reference cannot be used here") }
        while let next = peek, next != ">" { _ = take(next) }
        guard take(">") else { throw failure("a group's name does not end") }
      } else if !take(":") {
        throw failure("look-around and flags cannot be used here")
      }
    }
    let node = try readAlternatives()
    guard take(")") else { throw failure("a group does not end") }
    depth -= 1
    return node
  }

  private mutating func readRepetition(of node: PatternNode) throws(PatternError) -> PatternNode {
    let bounds: (Int, Int?)
    if take("*") {
      bounds = (0, nil)
    } else if take("+") {
      bounds = (1, nil)
    } else if take("?") {
      bounds = (0, 1)
    } else if let counted = try readCount() {
      bounds = counted
    } else {
      return node
    }
    // Whether a repetition is lazy changes what groups hold, never what matches.
    if !take("?"), let next = peek, "*+?".contains(next) { throw failure("multiple repeat") }
    return .repetition(node, atLeast: bounds.0, atMost: bounds.1)
  }

  /// Reads `{m}`, `{m,}`, `{,n}` or `{m,n}`; anything else in braces is plain text.
  private mutating func readCount() throws(PatternError) -> (Int, Int?)? {
    guard peek == "{", let end = scalars[position...].firstIndex(of: 0x7D) else { return nil }
    let digits = scalars[(position + 1)..<end]
    let parts = digits.split(separator: 0x2C, omittingEmptySubsequences: false)
    guard !digits.isEmpty, parts.count <= 2 else { return nil }
    var numbers: [Int?] = []
    for part in parts {
      guard part.allSatisfy({ (0x30...0x39).contains($0) }), part.count <= 6 else { return nil }
      numbers.append(part.isEmpty ? nil : part.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }
    guard parts.count == 2 || numbers[0] != nil else { return nil }
    position = end + 1
    let least = numbers[0] ?? 0
    let most = parts.count == 1 ? numbers[0] : numbers[1]
    if let most, most < least { throw failure("the bounds of a repetition are reversed") }
    return (least, most)
  }

  private mutating func readEscape() throws(PatternError) -> PatternNode {
    switch try readEscapedItem() {
    case .item(let item): return .set(PatternSet([item]))
    case .assertion(let assertion): return .assertion(assertion)
    }
  }

  private enum Escaped {
    case item(PatternSet.Item)
    case assertion(PatternAssertion)
  }

  private mutating func readEscapedItem() throws(PatternError) -> Escaped {
    position += 1
    guard position < scalars.count, let next = peek else {
      throw failure("a backslash ends the pattern")
    }
    let value = scalars[position]
    position += 1
    switch next {
    case "d": return .item(.digit)
    case "D": return .item(.notDigit)
    case "w": return .item(.word)
    case "W": return .item(.notWord)
    case "s": return .item(.space)
    case "S": return .item(.notSpace)
    case "b": return .assertion(.wordBoundary)
    case "B": return .assertion(.noWordBoundary)
    case "A": return .assertion(.start)
    case "Z": return .assertion(.end)
    case "n": return .item(.range(0x0A...0x0A))
    case "t": return .item(.range(0x09...0x09))
    case "r": return .item(.range(0x0D...0x0D))
    default:
      let isLetterOrDigit = PatternSet.Item.word.contains(value) && value != 0x5F
      guard !isLetterOrDigit else { throw failure("the escape \\\(next) cannot be used here") }
      return .item(.range(value...value))
    }
  }

  private mutating func readSet() throws(PatternError) -> PatternSet {
    position += 1
    let isNegated = take("^")
    var items: [PatternSet.Item] = []
    repeat {
      let first = try readSetItem()
      guard case .range(let low) = first, peek == "-", position + 1 < scalars.count,
        scalars[position + 1] != 0x5D
      else {
        items.append(first)
        continue
      }
      position += 1
      guard case .range(let high) = try readSetItem(), low.lowerBound <= high.upperBound else {
        throw failure("a range of characters is reversed")
      }
      items.append(.range(low.lowerBound...high.upperBound))
    } while peek != "]" && peek != nil
    guard take("]") else { throw failure("a set of characters does not end") }
    return PatternSet(items, isNegated: isNegated)
  }

  private mutating func readSetItem() throws(PatternError) -> PatternSet.Item {
    guard let next = peek else { throw failure("a set of characters does not end") }
    guard next == "\\" else {
      position += 1
      return .range(scalars[position - 1]...scalars[position - 1])
    }
    guard case .item(let item) = try readEscapedItem() else {
      throw failure("an anchor cannot stand in a set")
    }
    return item
  }
}
