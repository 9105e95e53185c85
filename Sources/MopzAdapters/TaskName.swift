/// The rules for names: data that people chose, never a path.
///
/// - Specification: §10.1 of `spec/mopz.md`.
public enum TaskName {
  /// The most bytes that a task's or a file's name may have.
  public static let byteCountMax = 255

  /// Whether a name can be a task's: 1 to 255 bytes without control characters.
  ///
  /// - Complexity: O(length).
  public static func isValid(_ name: String) -> Bool {
    let count = name.utf8.count
    return count >= 1 && count <= byteCountMax && !name.unicodeScalars.contains(where: isControl)
  }

  /// Whether a name can be a source file's: a task's, and no path.
  ///
  /// - Complexity: O(length).
  public static func isValidFileName(_ name: String) -> Bool {
    isValid(name) && name != "." && name != ".."
      && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(UInt8(ascii: "\\"))
  }

  /// U+0000 to U+001F and U+007F to U+009F.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
  }
}
