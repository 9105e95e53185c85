/// A key of `rank_pattern` or `alpha_pattern`: a regular expression for module paths.
///
/// PEFT matches `(.*\.)?(KEY)$` from the start of the module's path. The keys come
/// from files that anyone may have written, so they are run by an automaton whose
/// time is bounded by the product of both lengths; constructs that need backtracking
/// are refused by name.
struct ModulePattern: Hashable, Sendable {
  /// The key as the file spells it.
  let source: String
  private let matcher: Matcher

  private enum Matcher: Hashable, Sendable {
    /// Only plain characters and dots; nil stands for any character.
    case plain([UInt8?])
    case program(PatternProgram)
  }

  /// Reads a key.
  ///
  /// - Throws: ``PatternError`` for what is no regular expression or none that is known.
  init(_ source: String) throws(PatternError) {
    self.source = source
    if let plain = Self.plainCharacters(of: source) {
      matcher = .plain(plain)
    } else {
      matcher = .program(try PatternProgram(moduleKey: source))
    }
  }

  /// Whether the key is meant for a module.
  ///
  /// - Complexity: O(length of the path · length of the key).
  func matches(_ path: String) -> Bool {
    switch matcher {
    case .program(let program): return program.matches(path)
    case .plain(let pattern):
      let bytes = Array(path.utf8)
      guard bytes.count >= pattern.count else { return false }
      let start = bytes.count - pattern.count
      guard start == 0 || bytes[start - 1] == UInt8(ascii: ".") else { return false }
      for (index, expected) in pattern.enumerated() {
        if let expected, expected != bytes[start + index] { return false }
      }
      return true
    }
  }

  /// How many steps it takes to compare the key with paths, at most; one of an
  /// automaton costs as much as twenty comparisons of characters.
  func stepCount(pathCount: Int, pathByteCount: Int) -> Double {
    switch matcher {
    case .plain(let pattern): Double(pathCount) * Double(pattern.count)
    case .program(let program): 20 * Double(pathByteCount + pathCount) * Double(program.stateCount)
    }
  }

  /// The characters of a key without operators, as nearly all are.
  private static func plainCharacters(of source: String) -> [UInt8?]? {
    var pattern: [UInt8?] = []
    var isEscaped = false
    for byte in source.utf8 {
      switch byte {
      case _ where isEscaped:
        guard byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") else { return nil }
        pattern.append(byte)
        isEscaped = false
      case UInt8(ascii: "\\"): isEscaped = true
      case UInt8(ascii: "."): pattern.append(nil)
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        pattern.append(byte)
      default: return nil
      }
    }
    return isEscaped ? nil : pattern
  }
}

/// A reason for which a pattern was refused.
struct PatternError: Error, Hashable, Sendable, CustomStringConvertible {
  var description: String
}
