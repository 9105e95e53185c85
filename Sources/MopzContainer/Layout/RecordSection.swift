import MopzBytes

/// The sections of a task record; the raw values are their numbers.
///
/// - Specification: §5.4 of `spec/mopz.md`.
public enum RecordSection: Int, Hashable, Sendable, CaseIterable {
  case strings = 0
  case blocks
  case dimensions
  case files
  case sourceTensors
  case nameOrder
  case metadata
  case targets
  case terms
  case factors
  case pools
  case poolRanges
  case operands
  case scalars
  case properties
  case reserved

  /// The size of one element.
  var elementByteCount: Int {
    switch self {
    case .strings: 1
    case .blocks: BlockRow.byteCount
    case .dimensions: 8
    case .files: FileRow.byteCount
    case .sourceTensors: SourceTensorRow.byteCount
    case .nameOrder: 4
    case .metadata: PairRow.byteCount
    case .targets: TargetRow.byteCount
    case .terms: TermRow.byteCount
    case .factors: FactorRow.byteCount
    case .pools: PoolRow.byteCount
    case .poolRanges: PoolRangeRow.byteCount
    case .operands: OperandRow.byteCount
    case .scalars: ScalarRow.byteCount
    case .properties: PairRow.byteCount
    case .reserved: 1
    }
  }
}

/// Where the sections of a record lie: their counts decide.
struct RecordLayout: Hashable, Sendable {
  /// The number of bytes before the first section.
  static let headerByteCount = 192
  /// Where the section table starts.
  static let sectionTableOffset = 64

  private var offsets: [16 of UInt32]
  private var counts: [16 of UInt32]
  /// The record's length.
  let byteCount: Int

  /// The layout of sections with these counts, or nil if the record would be too long.
  init?(counts: [16 of UInt32]) {
    var position = Self.headerByteCount
    offsets = [16 of UInt32](repeating: 0)
    self.counts = counts
    for section in RecordSection.allCases {
      offsets[section.rawValue] = UInt32(position)
      // At most 2^30 + 2^32 · 64: no overflow.
      position += Int(counts[section.rawValue]) * section.elementByteCount
      position = position.aligned(to: 8)
      guard position <= Limits.recordByteCount else { return nil }
    }
    byteCount = position
  }

  /// The offset of a section in the record.
  @inline(__always)
  func offset(_ section: RecordSection) -> Int { Int(offsets[section.rawValue]) }

  /// The number of elements of a section.
  @inline(__always)
  func count(_ section: RecordSection) -> Int { Int(counts[section.rawValue]) }

  static func == (a: RecordLayout, b: RecordLayout) -> Bool {
    RecordSection.allCases.allSatisfy { a.count($0) == b.count($0) }
  }

  func hash(into hasher: inout Hasher) {
    for section in RecordSection.allCases { hasher.combine(count(section)) }
  }
}

extension Int {
  /// The least multiple of a power of two that is not less.
  @inline(__always)
  func aligned(to alignment: Int) -> Int { (self + alignment - 1) & ~(alignment - 1) }
}
