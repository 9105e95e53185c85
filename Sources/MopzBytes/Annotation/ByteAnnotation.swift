/// A run of bytes of a file, explained: where it lies, which field it is, what it says.
///
/// The annotations of a file follow one another without gaps or overlaps, from its first
/// byte to its last.
public struct ByteAnnotation: Hashable, Sendable {
  /// What sort of bytes it is, which decides how much of them is shown.
  public enum Form: String, Hashable, Sendable {
    /// A field of a structure, shown whole.
    case field
    /// Contents, of which the beginning is shown.
    case payload
    /// Zeros, counted and not shown.
    case zeros
  }

  /// Where the run starts.
  public var offset: Int
  /// Its length.
  public var byteCount: Int
  /// The part of the file that the run belongs to.
  public var region: String
  /// Whether the run is the first of its region.
  public var startsRegion: Bool
  /// The field's name, or what the bytes are for.
  public var field: String
  /// What the field says; null for bytes that say nothing by themselves.
  public var value: JSON
  /// What people read beside the bytes: the field, its value, the meaning of a code.
  public var text: String
  /// What sort of bytes it is.
  public var form: Form

  /// The members `offset`, `length`, `region`, `field`, `form`, `value` and `text`.
  public var json: JSON {
    [
      "offset": JSON(offset), "length": JSON(byteCount), "region": JSON(region),
      "field": JSON(field), "form": JSON(form.rawValue), "value": value, "text": JSON(text),
    ]
  }
}

extension ByteAnnotation {
  /// A payload is shown whole up to so many bytes.
  private static let shownWhole = 256
  /// Of a longer one, so many are shown.
  private static let shown = 64

  /// The run as lines of offset, bytes in hexadecimal, and meaning.
  ///
  /// - Parameter file: The bytes of the whole file.
  /// - Complexity: O(bytes that are shown).
  public func lines(of file: RawSpan) -> [String] {
    var lines: [String] = []
    if startsRegion { lines += offset == 0 ? ["-- \(region)"] : ["", "-- \(region)"] }
    if form == .zeros {
      lines.append(Self.line(offset, "\(byteCount) bytes of zero", text))
      return lines
    }
    let isCut = form == .payload && byteCount > Self.shownWhole
    let end = offset + (isCut ? Self.shown : byteCount)
    for start in stride(from: offset, to: end, by: 16) {
      let row = start..<Swift.min(start + 16, end)
      let bytes = row.map { Self.hexadecimal(file.byte(at: $0)) }.joined(separator: " ")
      lines.append(Self.line(start, bytes, start == offset ? text : ""))
    }
    if isCut { lines.append(Self.line(end, "\(byteCount - Self.shown) bytes not shown", "")) }
    return lines
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
  }

  /// Offset in six columns, bytes in 47, and the meaning, without spaces at the end.
  private static func line(_ offset: Int, _ bytes: String, _ meaning: String) -> String {
    let number = String(offset)
    let head = String(repeating: " ", count: Swift.max(0, 6 - number.utf8.count)) + number
    guard !meaning.isEmpty else { return "\(head)  \(bytes)" }
    let gap = String(repeating: " ", count: Swift.max(0, 47 - bytes.utf8.count))
    return "\(head)  \(bytes)\(gap)  \(meaning)"
  }
}
