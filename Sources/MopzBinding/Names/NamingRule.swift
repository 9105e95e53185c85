/// How the names of an adapter become those of a base: one prefix for another.
///
/// One rule has to fit all of an adapter, so that no part of it lands by luck.
struct NamingRule: Hashable, Sendable {
  /// What is taken away; empty for nothing.
  var removed: String
  /// What is put in its place; empty for nothing.
  var added: String

  /// Names are used as they are written.
  static let asWritten = NamingRule(removed: "", added: "")

  /// The other rules in classes of equal standing: one prefix removed or added,
  /// then one exchanged for another.
  static let alternatives: [[NamingRule]] = {
    let prefixes = ModulePrefixes.dotted
    let single = prefixes.flatMap {
      [NamingRule(removed: $0, added: ""), NamingRule(removed: "", added: $0)]
    }
    let exchanged = prefixes.flatMap { a in
      prefixes.compactMap { b in a == b ? nil : NamingRule(removed: a, added: b) }
    }
    return [single, exchanged]
  }()

  /// The name in the base.
  ///
  /// What does not begin with the removed prefix, and what the base has as it is
  /// but not with the added one, stays: heads stand outside the network that the
  /// prefix names.
  func apply(to name: String, exists: (String) -> Bool) -> String {
    guard name.hasPrefix(removed) else { return name }
    let renamed = added + name.dropFirst(removed.count)
    return removed.isEmpty && !exists(renamed) ? name : renamed
  }

  /// The rule for names with underscores in place of dots.
  var flattened: NamingRule {
    NamingRule(removed: removed.flattenedPath, added: added.flattenedPath)
  }

  /// What the rule does, such as `with "transformer." added`; nil for ``asWritten``.
  var summary: String? {
    switch (removed.isEmpty, added.isEmpty) {
    case (true, true): nil
    case (false, true): "with \(removed.quotedPrefix) removed"
    case (true, false): "with \(added.quotedPrefix) added"
    case (false, false): "with \(removed.quotedPrefix) replaced by \(added.quotedPrefix)"
    }
  }
}

extension String {
  /// The path with underscores for dots.
  var flattenedPath: String { String(map { $0 == "." ? "_" : $0 }) }

  fileprivate var quotedPrefix: String { "\"\(self)\"" }
}
