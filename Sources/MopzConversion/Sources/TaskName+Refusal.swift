import MopzAdapters

/// The rules for the names of tasks, as a user meets them.
extension TaskName {
  /// Checks a name.
  ///
  /// - Throws: ``Refusal`` with the rule that the name breaks.
  static func validate(_ name: String) throws(Refusal) {
    guard !isValid(name) else { return }
    let count = name.utf8.count
    let message =
      if count == 0 {
        "a task's name must not be empty; give one as NAME=PATH"
      } else if count > byteCountMax {
        "the name has \(count) bytes, at most \(byteCountMax) are allowed; "
          + "give a shorter one as NAME=PATH"
      } else {
        "the name holds a control character; give another as NAME=PATH"
      }
    throw Refusal(.taskName, name, message)
  }

  /// The name of a file without the ending that its kind has.
  ///
  /// Endings of the kinds that are read are cut off whole (`.tar.gz`); otherwise the
  /// last one is. A directory's name has no ending and is used as it is.
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
