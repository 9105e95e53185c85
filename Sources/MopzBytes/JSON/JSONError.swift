/// A reason for which a text was refused as JSON.
///
/// It says where and what, never the text around it.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public enum Reason: Hashable, Sendable {
    /// The text ends within a value.
    case unexpectedEnd
    /// A byte that cannot stand here.
    case unexpectedByte(UInt8)
    /// Something follows the value.
    case trailingBytes
    /// A byte order mark, or text that is not UTF-8 at all.
    case notUTF8
    /// A control character that is not escaped within a string.
    case controlCharacter(UInt8)
    /// A backslash with something that is no escape.
    case invalidEscape
    /// Half of a surrogate pair.
    case unpairedSurrogate
    /// A number that the grammar does not know, such as `01` or `.5`.
    case invalidNumber
    /// A key that the object already has.
    case duplicateKey(String)
    /// More bytes than the limit.
    case tooLong(limit: Int)
    /// Deeper than the limit.
    case tooDeep(limit: Int)
    /// More values than the limit.
    case tooManyValues(limit: Int)
  }

  /// What is wrong.
  public var reason: Reason
  /// Where, in bytes from the start of the text.
  public var offset: Int

  /// Makes an error from its parts.
  public init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  /// A lower-case clause such as `unexpected byte 0x7D at byte 12`.
  public var description: String {
    let text =
      switch reason {
      case .unexpectedEnd: "the text ends within a value"
      case .unexpectedByte(let byte): "unexpected byte \(Self.hexadecimal(byte))"
      case .trailingBytes: "something follows the value"
      case .notUTF8: "not valid UTF-8, or a byte order mark"
      case .controlCharacter(let byte):
        "control character \(Self.hexadecimal(byte)) in a string without an escape"
      case .invalidEscape: "invalid escape in a string"
      case .unpairedSurrogate: "half of a surrogate pair"
      case .invalidNumber: "invalid number"
      case .duplicateKey(let key): "key \(key.quoted) occurs twice in an object"
      case .tooLong(let limit): "longer than \(limit) bytes"
      case .tooDeep(let limit): "nested deeper than \(limit) levels"
      case .tooManyValues(let limit): "more than \(limit) values"
      }
    return "\(text) at byte \(offset)"
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return digits.count == 1 ? "0x0\(digits)" : "0x\(digits)"
  }
}

/// How large a JSON text may be.
public struct JSONLimits: Hashable, Sendable {
  /// The largest number of bytes.
  public var byteCountMax: Int
  /// The largest number of arrays and objects within one another.
  public var depthMax: Int
  /// The largest number of values, those within others included.
  public var valueCountMax: Int

  /// Makes limits from their parts.
  ///
  /// - Precondition: `depthMax` is at most 512, since the parser is recursive.
  public init(byteCountMax: Int, depthMax: Int, valueCountMax: Int) {
    precondition(depthMax <= 512)
    self.byteCountMax = byteCountMax
    self.depthMax = depthMax
    self.valueCountMax = valueCountMax
  }

  /// 256 MiB, 64 levels, 16 Mi values.
  public static let standard = JSONLimits(
    byteCountMax: 256 << 20, depthMax: 64, valueCountMax: 16 << 20)
}
