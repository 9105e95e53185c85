import MopzAdapters
import MopzBytes
import MopzTensors

/// The rows of a record, before they are laid out.
///
/// - Specification: §5.4 and §11 of `spec/mopz.md`.
struct RecordTables {
  var strings = StringHeap()
  var kind = StringReference.empty
  var baseBlock = FormatConstants.none
  var rankMax: UInt32 = 0
  var parameterCount: UInt64 = 0
  var blocks: [BlockRow] = []
  var dimensions: [UInt64] = []
  var files: [FileRow] = []
  var sourceTensors: [SourceTensorRow] = []
  var nameOrder: [UInt32] = []
  var metadata: [PairRow] = []
  var targets: [TargetRow] = []
  var terms: [TermRow] = []
  var factors: [FactorRow] = []
  var pools: [PoolRow] = []
  var poolRanges: [PoolRangeRow] = []
  var operands: [OperandRow] = []
  var scalars: [ScalarRow] = []
  var properties: [PairRow] = []

  /// The number of elements of a section.
  private func count(_ section: RecordSection) -> Int {
    switch section {
    case .strings: strings.utf8.count
    case .blocks: blocks.count
    case .dimensions: dimensions.count
    case .files: files.count
    case .sourceTensors: sourceTensors.count
    case .nameOrder: nameOrder.count
    case .metadata: metadata.count
    case .targets: targets.count
    case .terms: terms.count
    case .factors: factors.count
    case .pools: pools.count
    case .poolRanges: poolRanges.count
    case .operands: operands.count
    case .scalars: scalars.count
    case .properties: properties.count
    case .reserved: 0
    }
  }

  /// The record's layout, or nil if it is longer than the limit.
  var layout: RecordLayout? {
    var counts = [16 of UInt32](repeating: 0)
    for section in RecordSection.allCases {
      guard let count = UInt32(exactly: count(section)) else { return nil }
      counts[section.rawValue] = count
    }
    return RecordLayout(counts: counts)
  }

  /// The record's bytes.
  func encoded(_ layout: RecordLayout) -> Bytes {
    Bytes(byteCount: layout.byteCount) { target in
      let header = RecordHeader(
        recordLength: UInt64(layout.byteCount), kind: kind, baseBlock: baseBlock,
        rankMax: rankMax, parameterCount: parameterCount)
      header.write(to: &target, at: 0)
      for section in RecordSection.allCases {
        let place = RecordLayout.sectionTableOffset + 8 * section.rawValue
        TableRun(
          first: UInt32(layout.offset(section)), count: UInt32(layout.count(section))
        ).write(to: &target, at: place)
      }
      target.copy(from: strings.utf8.span.rawBytes, at: layout.offset(.strings))
      for (index, dimension) in dimensions.enumerated() {
        target.put(dimension, layout.offset(.dimensions) + 8 * index)
      }
      for (index, tensor) in nameOrder.enumerated() {
        target.put(tensor, layout.offset(.nameOrder) + 4 * index)
      }
      Self.write(blocks, at: layout.offset(.blocks), to: &target)
      Self.write(files, at: layout.offset(.files), to: &target)
      Self.write(sourceTensors, at: layout.offset(.sourceTensors), to: &target)
      Self.write(metadata, at: layout.offset(.metadata), to: &target)
      Self.write(targets, at: layout.offset(.targets), to: &target)
      Self.write(terms, at: layout.offset(.terms), to: &target)
      Self.write(factors, at: layout.offset(.factors), to: &target)
      Self.write(pools, at: layout.offset(.pools), to: &target)
      Self.write(poolRanges, at: layout.offset(.poolRanges), to: &target)
      Self.write(operands, at: layout.offset(.operands), to: &target)
      Self.write(scalars, at: layout.offset(.scalars), to: &target)
      Self.write(properties, at: layout.offset(.properties), to: &target)
    }
  }

  private static func write<Row: FixedLayout>(
    _ rows: [Row], at offset: Int, to target: inout MutableRawSpan
  ) {
    for (index, row) in rows.enumerated() {
      row.write(to: &target, at: offset + index * Row.byteCount)
    }
  }
}
