import MopzBytes
import MopzTensors

/// A borrowed record, seen through its tables.
///
/// Nothing is copied but the row that is asked for. Indices must lie within the
/// tables, which ``RecordValidation`` makes sure of for those that rows hold.
///
/// - Specification: §5.4 of `spec/mopz.md`.
struct RecordReader: ~Escapable {
  let bytes: RawSpan
  let layout: RecordLayout

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, layout: RecordLayout) {
    self.bytes = bytes
    self.layout = layout
  }

  @inline(__always)
  func count(_ section: RecordSection) -> Int { layout.count(section) }

  /// The offset of an element in the record.
  @inline(__always)
  func offset(_ section: RecordSection, _ index: Int) -> Int {
    precondition(index >= 0 && index < layout.count(section))
    return layout.offset(section) + index * section.elementByteCount
  }

  var header: RecordHeader { RecordHeader(parsing: bytes, at: 0) }

  @inline(__always)
  func block(_ index: Int) -> BlockRow { BlockRow(parsing: bytes, at: offset(.blocks, index)) }

  func file(_ index: Int) -> FileRow { FileRow(parsing: bytes, at: offset(.files, index)) }

  @inline(__always)
  func sourceTensor(_ index: Int) -> SourceTensorRow {
    SourceTensorRow(parsing: bytes, at: offset(.sourceTensors, index))
  }

  /// The index of the source tensor that is `rank`-th by name.
  @inline(__always)
  func nameOrder(_ rank: Int) -> Int { Int(bytes.u32(offset(.nameOrder, rank))) }

  func metadata(_ index: Int) -> PairRow { PairRow(parsing: bytes, at: offset(.metadata, index)) }

  @inline(__always)
  func target(_ index: Int) -> TargetRow { TargetRow(parsing: bytes, at: offset(.targets, index)) }

  @inline(__always)
  func term(_ index: Int) -> TermRow { TermRow(parsing: bytes, at: offset(.terms, index)) }

  @inline(__always)
  func factor(_ index: Int) -> FactorRow { FactorRow(parsing: bytes, at: offset(.factors, index)) }

  @inline(__always)
  func pool(_ index: Int) -> PoolRow { PoolRow(parsing: bytes, at: offset(.pools, index)) }

  @inline(__always)
  func poolRange(_ index: Int) -> PoolRangeRow {
    PoolRangeRow(parsing: bytes, at: offset(.poolRanges, index))
  }

  func operand(_ index: Int) -> OperandRow {
    OperandRow(parsing: bytes, at: offset(.operands, index))
  }

  func scalar(_ index: Int) -> ScalarRow { ScalarRow(parsing: bytes, at: offset(.scalars, index)) }

  func property(_ index: Int) -> PairRow { PairRow(parsing: bytes, at: offset(.properties, index)) }

  /// One of the Dimensions section's numbers.
  @inline(__always)
  func dimension(_ index: Int) -> UInt64 { bytes.u64(offset(.dimensions, index)) }

  /// The UTF-8 of a string that lies in the heap.
  @_lifetime(copy self)
  func utf8(_ reference: StringReference) -> RawSpan {
    let start = layout.offset(.strings) + Int(reference.offset)
    return bytes.extracting(start..<(start + Int(reference.length)))
  }

  /// A string that lies in the heap and has been found to be UTF-8.
  func string(_ reference: StringReference) -> String {
    utf8(reference).text ?? ""
  }

  /// The shape of dimensions that have been validated.
  func shape(first: UInt32, count: UInt8) -> Shape {
    Shape((0..<Int(count)).map { Int(dimension(Int(first) + $0)) })
  }
}
