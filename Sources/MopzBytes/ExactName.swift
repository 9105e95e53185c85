/// A name that is compared, hashed and ordered by its UTF-8 bytes.
///
/// `String` treats canonically equivalent spellings as equal and orders by their
/// normal form; the names of tensors, tasks and JSON members are data, and two
/// that differ in one byte are two names. Use it as a dictionary key or to sort.
public struct ExactName: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The name.
  public let string: String

  /// Wraps a string.
  public init(_ string: String) { self.string = string }

  /// The name itself.
  public var description: String { string }

  /// Whether the bytes are the same.
  public static func == (a: ExactName, b: ExactName) -> Bool {
    a.string.utf8.elementsEqual(b.string.utf8)
  }

  /// Whether the left one's bytes come first, as unsigned numbers.
  public static func < (a: ExactName, b: ExactName) -> Bool {
    a.string.utf8.lexicographicallyPrecedes(b.string.utf8)
  }

  /// Hashes the bytes.
  public func hash(into hasher: inout Hasher) {
    for byte in string.utf8 { hasher.combine(byte) }
    hasher.combine(0xFF as UInt8)
  }
}

extension String {
  /// The string in quotation marks, safe to print: control characters, quotation
  /// marks and backslashes escaped, and what is too long cut in the middle.
  ///
  /// - Complexity: O(length of the result).
  public var quoted: String {
    let limit = 160
    var scalars = unicodeScalars[...]
    var tail = scalars.suffix(0)
    if utf8.count > 4 * limit || scalars.count > limit {
      tail = scalars.suffix(limit / 2)
      scalars = scalars.prefix(limit / 2)
    }
    var result = "\""
    for scalar in scalars { result += scalar.escapedForPrinting }
    if !tail.isEmpty {
      result += "…"
      for scalar in tail { result += scalar.escapedForPrinting }
    }
    return result + "\""
  }
}

extension Unicode.Scalar {
  fileprivate var escapedForPrinting: String {
    switch self {
    case "\"": "\\\""
    case "\\": "\\\\"
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    default:
      switch properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
        .unassigned:
        "\\u{\(String(value, radix: 16))}"
      default: String(Character(self))
      }
    }
  }
}
