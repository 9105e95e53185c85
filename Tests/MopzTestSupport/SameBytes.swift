public import MopzBytes
public import Testing

/// Expects two byte sequences to be the same, and shows where they first differ.
public func expectSameBytes(
  _ found: [UInt8], _ expected: [UInt8], _ what: String = "bytes",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let difference = hexDifference(found, expected) else { return }
  Issue.record("\(what): \(difference)", sourceLocation: sourceLocation)
}

/// Expects two byte sequences to be the same, and shows where they first differ.
public func expectSameBytes(
  _ found: Bytes, _ expected: Bytes, _ what: String = "bytes",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  if found.span.hasSameBytes(as: expected.span) { return }
  expectSameBytes(
    [UInt8](copying: found.span), [UInt8](copying: expected.span), what,
    sourceLocation: sourceLocation)
}

/// Where two byte sequences first differ, as lines of 16 bytes in hexadecimal; nil if they are
/// the same.
public func hexDifference(_ found: [UInt8], _ expected: [UInt8]) -> String? {
  guard found != expected else { return nil }
  let first = zip(found, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset
  let offset = first ?? min(found.count, expected.count)
  let start = offset / 16 * 16
  func line(_ bytes: [UInt8]) -> String {
    bytes.dropFirst(start).prefix(16).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0\(digits)" : digits
    }.joined(separator: " ")
  }
  return """
    first difference at byte \(offset); \(found.count) bytes found, \(expected.count) expected
      found    \(start): \(line(found))
      expected \(start): \(line(expected))
    """
}
