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
    a.string.hasSameUTF8(as: b.string)
  }

  /// Whether the left one's bytes come first, as unsigned numbers.
  public static func < (a: ExactName, b: ExactName) -> Bool {
    a.string.utf8.lexicographicallyPrecedes(b.string.utf8)
  }

  /// Hashes the bytes.
  public func hash(into hasher: inout Hasher) {
    // Not the string's own hash, which canonically equivalent names share: a hostile file
    // could hold a million of them.
    var string = string
    // SAFETY: the buffer is valid during the call.
    string.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    hasher.combine(0xFF as UInt8)
  }
}

extension String {
  /// Whether both strings have the same UTF-8, where `==` asks for canonical equivalence.
  ///
  /// - Complexity: O(n).
  public func hasSameUTF8(as other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    var (a, b) = (self, other)
    // SAFETY: both buffers are valid for their common count during the calls.
    return a.withUTF8 { a in
      b.withUTF8 { b in
        guard let p = a.baseAddress, let q = b.baseAddress else { return true }
        return unsafe memcmp(p, q, a.count) == 0
      }
    }
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

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
