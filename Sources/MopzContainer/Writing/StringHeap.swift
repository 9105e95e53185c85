import MopzBytes
import MopzDigest

/// The strings of a record, each once, in the order of first use.
///
/// - Specification: §11 of `spec/mopz.md`, CAN-4.
struct StringHeap {
  private(set) var utf8: [UInt8] = []
  /// The strings' places by their hashes; where two hashes agree, the next free number.
  private var references: [UInt64: StringReference] = [:]

  /// The place of a string, which is added if it is new.
  mutating func reference(to string: String) -> StringReference {
    if string.isEmpty { return .empty }
    let bytes = string.utf8Span.span.rawBytes
    var key = XXH3.hash64(bytes)
    while let reference = references[key] {
      if isString(reference, bytes) { return reference }
      key &+= 1
    }
    // A record is at most 1 GiB, which is checked when the layout is made.
    let reference = StringReference(
      offset: UInt32(clamping: utf8.count), length: UInt32(clamping: bytes.byteCount))
    utf8.append(copying: bytes)
    references[key] = reference
    return reference
  }

  private func isString(_ reference: StringReference, _ bytes: RawSpan) -> Bool {
    let start = Int(reference.offset)
    let heap = utf8.span.rawBytes
    return heap.extracting(start..<(start + Int(reference.length))).hasSameBytes(as: bytes)
  }
}
