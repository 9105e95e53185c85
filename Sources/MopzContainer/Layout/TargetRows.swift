import MopzBytes

/// A row of the target table.
///
/// - Specification: §8.5 of `spec/mopz.md`.
struct TargetRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 64

  var module: StringReference
  var parameter: StringReference
  var kind: UInt16
  var layout: UInt8
  var naming: UInt8
  var layoutIndex: UInt32
  var terms: TableRun
  var operands: TableRun
  var scalars: TableRun

  init(
    module: StringReference, parameter: StringReference, kind: UInt16, layout: UInt8,
    naming: UInt8, layoutIndex: UInt32, terms: TableRun, operands: TableRun, scalars: TableRun
  ) {
    self.module = module
    self.parameter = parameter
    self.kind = kind
    self.layout = layout
    self.naming = naming
    self.layoutIndex = layoutIndex
    self.terms = terms
    self.operands = operands
    self.scalars = scalars
  }

  @inline(__always)
  init(parsing bytes: RawSpan, at start: Int) {
    module = StringReference(parsing: bytes, at: start)
    parameter = StringReference(parsing: bytes, at: start + 8)
    kind = bytes.u16(start + 16)
    layout = bytes.u8(start + 18)
    naming = bytes.u8(start + 19)
    layoutIndex = bytes.u32(start + 20)
    terms = TableRun(parsing: bytes, at: start + 24)
    operands = TableRun(parsing: bytes, at: start + 32)
    scalars = TableRun(parsing: bytes, at: start + 40)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    module.write(to: &bytes, at: start)
    parameter.write(to: &bytes, at: start + 8)
    bytes.put(kind, start + 16)
    bytes.put(layout, start + 18)
    bytes.put(naming, start + 19)
    bytes.put(layoutIndex, start + 20)
    terms.write(to: &bytes, at: start + 24)
    operands.write(to: &bytes, at: start + 32)
    scalars.write(to: &bytes, at: start + 40)
  }

  static func reservedIsZero(in bytes: RawSpan, at start: Int) -> Bool {
    bytes.u64(start + 48) | bytes.u64(start + 56) == 0
  }
}

/// A run of rows of another table.
struct TableRun: FixedLayout, Hashable, Sendable {
  static let byteCount = 8

  var first: UInt32
  var count: UInt32

  init(first: UInt32, count: UInt32) {
    self.first = first
    self.count = count
  }

  @inline(__always)
  init(parsing bytes: RawSpan, at start: Int) {
    first = bytes.u32(start)
    count = bytes.u32(start + 4)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(first, start)
    bytes.put(count, start + 4)
  }

  /// The rows.
  var range: Range<Int> { Int(first)..<(Int(first) + Int(count)) }
}

/// A row of the term table.
struct TermRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 40

  /// The codes of Core_Kind.
  enum CoreKind: UInt8 { case identity = 0, diagonal, dense }

  var scaling: UInt64
  var down: UInt32
  var up: UInt32
  var coreKind: UInt8
  var coreBlock: UInt32
  var outScaleBlock: UInt32
  var inScaleBlock: UInt32

  init(
    scaling: Double, down: UInt32, up: UInt32, coreKind: CoreKind, coreBlock: UInt32,
    outScaleBlock: UInt32, inScaleBlock: UInt32
  ) {
    self.scaling = scaling.bitPattern
    self.down = down
    self.up = up
    self.coreKind = coreKind.rawValue
    self.coreBlock = coreBlock
    self.outScaleBlock = outScaleBlock
    self.inScaleBlock = inScaleBlock
  }

  @inline(__always)
  init(parsing bytes: RawSpan, at start: Int) {
    scaling = bytes.u64(start)
    down = bytes.u32(start + 8)
    up = bytes.u32(start + 12)
    coreKind = bytes.u8(start + 16)
    coreBlock = bytes.u32(start + 20)
    outScaleBlock = bytes.u32(start + 24)
    inScaleBlock = bytes.u32(start + 28)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(scaling, start)
    bytes.put(down, start + 8)
    bytes.put(up, start + 12)
    bytes.put(coreKind, start + 16)
    bytes.put(coreBlock, start + 20)
    bytes.put(outScaleBlock, start + 24)
    bytes.put(inScaleBlock, start + 28)
  }

  static func reservedIsZero(in bytes: RawSpan, at start: Int) -> Bool {
    bytes.u32(start + 16) >> 8 == 0 && bytes.u64(start + 32) == 0
  }
}

/// A row of the operand table.
struct OperandRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 8

  var role: UInt16
  var block: UInt32

  init(role: UInt16, block: UInt32) {
    self.role = role
    self.block = block
  }

  init(parsing bytes: RawSpan, at start: Int) {
    role = bytes.u16(start)
    block = bytes.u32(start + 4)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(role, start)
    bytes.put(block, start + 4)
  }

  static func reservedIsZero(in bytes: RawSpan, at start: Int) -> Bool {
    bytes.u16(start + 2) == 0
  }
}

/// A row of the scalar table.
struct ScalarRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 16

  var role: UInt16
  var value: UInt64

  init(role: UInt16, value: Double) {
    self.role = role
    self.value = value.bitPattern
  }

  init(parsing bytes: RawSpan, at start: Int) {
    role = bytes.u16(start)
    value = bytes.u64(start + 8)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    bytes.put(role, start)
    bytes.put(value, start + 8)
  }

  static func reservedIsZero(in bytes: RawSpan, at start: Int) -> Bool {
    bytes.u64(start) >> 16 == 0
  }
}
