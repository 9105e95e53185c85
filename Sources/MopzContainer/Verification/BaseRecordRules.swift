import MopzBytes
import MopzTensors

/// The rules of a base record's content.
///
/// - Specification: §7.2 of `spec/mopz.md`.
struct BaseRecordRules: ~Escapable {
  private let bytes: RawSpan
  private var position = 0

  /// The first rule that the bytes break, or nil.
  ///
  /// - Complexity: O(n).
  static func violated(by bytes: RawSpan) -> FormatRule? {
    var rules = BaseRecordRules(bytes)
    return rules.check()
  }

  @_lifetime(copy bytes)
  private init(_ bytes: RawSpan) { self.bytes = bytes }

  private mutating func check() -> FormatRule? {
    guard let magic = take(8), bytes.u64(magic.lowerBound) == FormatConstants.baseRecordMagic,
      let count = takeLength(), let architectureLength = takeLength(),
      let architecture = take(architectureLength)
    else { return .baseFields }
    guard bytes.extracting(architecture).isUTF8 else { return .baseTensors }
    var previous: Range<Int>?
    for _ in 0..<count {
      guard let length = takeLength(), let name = take(length) else { return .baseFields }
      guard bytes.extracting(name).isUTF8 else { return .baseTensors }
      guard let codes = take(2) else { return .baseFields }
      let dimensionCount = bytes.u8(codes.lowerBound + 1)
      guard dimensionCount <= Limits.dimensionCount else { return .dimensionLimit }
      guard take(8 * Int(dimensionCount)) != nil else { return .baseFields }
      guard DType(rawValue: bytes.u8(codes.lowerBound)) != nil else { return .baseTensors }
      if let previous, bytes.extracting(previous).order(bytes.extracting(name)) >= 0 {
        return .baseTensors
      }
      previous = name
    }
    return position == bytes.byteCount ? nil : .baseFields
  }

  private mutating func takeLength() -> Int? {
    take(4).map { Int(bytes.u32($0.lowerBound)) }
  }

  private mutating func take(_ count: Int) -> Range<Int>? {
    guard count <= bytes.byteCount - position else { return nil }
    position += count
    return (position - count)..<position
  }
}
