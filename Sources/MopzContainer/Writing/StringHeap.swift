import MopzBytes

/// The strings of a record, each once, in the order of first use.
///
/// - Specification: §11 of `spec/mopz.md`, CAN-4.
struct StringHeap {
  private(set) var utf8: [UInt8] = []
  private var references: [ExactName: StringReference] = [:]

  /// The place of a string, which is added if it is new.
  mutating func reference(to string: String) -> StringReference {
    if string.isEmpty { return .empty }
    let name = ExactName(string)
    if let reference = references[name] { return reference }
    // A record is at most 1 GiB, which is checked when the layout is made.
    let reference = StringReference(
      offset: UInt32(clamping: utf8.count), length: UInt32(clamping: string.utf8.count))
    utf8.append(contentsOf: string.utf8)
    references[name] = reference
    return reference
  }
}
