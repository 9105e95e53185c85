/// Tags of kinds that are carried and not understood.
enum OpaqueTag {
  /// A tag from a name that a file gives: lower-case, other characters as hyphens,
  /// at most 48 bytes.
  static func tag(from name: String) -> String {
    var tag = ""
    for scalar in name.lowercased().unicodeScalars.prefix(48) {
      let isPlain = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
      if isPlain {
        tag.unicodeScalars.append(scalar)
      } else if !tag.hasSuffix("-") && !tag.isEmpty {
        tag += "-"
      }
    }
    while tag.hasSuffix("-") { tag.removeLast() }
    return tag.isEmpty ? "unknown" : tag
  }
}
