/// The rules for the names of tasks.
///
/// A name is data: UTF-8, 1 to 255 bytes, without control characters. It may hold
/// slashes, `@` and `#`, and is never used as a path.
///
/// - Specification: §10 of `spec/mopz.md`.
public enum TaskName {
  /// The largest number of bytes.
  public static let byteCountMax = 255

  /// Checks a name.
  ///
  /// - Throws: ``Refusal`` with the rule that the name breaks.
  public static func validate(_ name: String) throws(Refusal) {
    guard !name.isEmpty else {
      throw Refusal(.taskName, name, "a task's name must not be empty; give one as NAME=PATH")
    }
    guard name.utf8.count <= byteCountMax else {
      throw Refusal(
        .taskName, name,
        "the name has \(name.utf8.count) bytes, at most \(byteCountMax) are allowed; "
          + "give a shorter one as NAME=PATH")
    }
    for scalar in name.unicodeScalars where isControl(scalar) {
      let code = String(scalar.value, radix: 16, uppercase: true)
      throw Refusal(.taskName, name, "the name holds the control character U+\(code)")
    }
  }

  /// Whether a character is one of U+0000 to U+001F and U+007F to U+009F.
  static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
  }

  /// The name of a file without the endings that its kind has.
  ///
  /// Only the endings of the kinds that are read are cut off (`.safetensors`,
  /// `.mopz`, `.zip`, `.tar`, `.tar.gz`, `.tgz`, `.tar.zst`); otherwise the last
  /// one is. A directory's name has no ending and is used whole.
  static func stem(ofFile name: String) -> String {
    let lowercased = name.lowercased()
    for ending in knownEndings where lowercased.hasSuffix(ending) && name.count > ending.count {
      return String(name.dropLast(ending.count))
    }
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
    return String(name[..<dot])
  }

  private static let knownEndings = [
    ".safetensors", ".mopz", ".zip", ".tar.gz", ".tar.zst", ".tar", ".tgz",
  ]
}
