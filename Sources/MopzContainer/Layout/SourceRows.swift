import MopzBytes

/// A row of the file table.
///
/// - Specification: §8.6 of `spec/mopz.md`.
struct FileRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 56

  var name: StringReference
  var role: UInt16
  var headerForm: UInt16
  var block: UInt32
  var firstTensor: UInt32
  var tensorCount: UInt32
  var firstMetadata: UInt32
  var metadataCount: UInt32

  init(
    name: StringReference, role: UInt16, headerForm: UInt16, block: UInt32, firstTensor: UInt32,
    tensorCount: UInt32, firstMetadata: UInt32, metadataCount: UInt32
  ) {
    self.name = name
    self.role = role
    self.headerForm = headerForm
    self.block = block
    self.firstTensor = firstTensor
    self.tensorCount = tensorCount
    self.firstMetadata = firstMetadata
    self.metadataCount = metadataCount
  }

  init(parsing bytes: RawSpan, at start: Int) {
    name = StringReference(parsing: bytes, at: start)
    role = bytes.u16(start + 8)
    headerForm = bytes.u16(start + 10)
    block = bytes.u32(start + 12)
    firstTensor = bytes.u32(start + 16)
    tensorCount = bytes.u32(start + 20)
    firstMetadata = bytes.u32(start + 24)
    metadataCount = bytes.u32(start + 28)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    name.write(to: &bytes, at: start)
    bytes.put(role, start + 8)
    bytes.put(headerForm, start + 10)
    bytes.put(block, start + 12)
    bytes.put(firstTensor, start + 16)
    bytes.put(tensorCount, start + 20)
    bytes.put(firstMetadata, start + 24)
    bytes.put(metadataCount, start + 28)
  }

  static func reservedIsZero(in bytes: RawSpan, at start: Int) -> Bool {
    bytes.u64(start + 32) | bytes.u64(start + 40) | bytes.u64(start + 48) == 0
  }
}

/// A row of the source tensor table.
struct SourceTensorRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 32
  /// The content is a block.
  static let blockContent: UInt8 = 0
  /// The content is a factor.
  static let factorContent: UInt8 = 1

  var name: StringReference
  var contentKind: UInt8
  var disposition: UInt8
  var dtype: UInt8
  var dimensionCount: UInt8
  var content: UInt32
  var firstDimension: UInt32

  init(
    name: StringReference, contentKind: UInt8, disposition: UInt8, dtype: UInt8,
    dimensionCount: UInt8, content: UInt32, firstDimension: UInt32
  ) {
    self.name = name
    self.contentKind = contentKind
    self.disposition = disposition
    self.dtype = dtype
    self.dimensionCount = dimensionCount
    self.content = content
    self.firstDimension = firstDimension
  }

  @inline(__always)
  init(parsing bytes: RawSpan, at start: Int) {
    name = StringReference(parsing: bytes, at: start)
    contentKind = bytes.u8(start + 8)
    disposition = bytes.u8(start + 9)
    dtype = bytes.u8(start + 10)
    dimensionCount = bytes.u8(start + 11)
    content = bytes.u32(start + 12)
    firstDimension = bytes.u32(start + 16)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    name.write(to: &bytes, at: start)
    bytes.put(contentKind, start + 8)
    bytes.put(disposition, start + 9)
    bytes.put(dtype, start + 10)
    bytes.put(dimensionCount, start + 11)
    bytes.put(content, start + 12)
    bytes.put(firstDimension, start + 16)
  }

  static func reservedIsZero(in bytes: RawSpan, at start: Int) -> Bool {
    bytes.u32(start + 20) == 0 && bytes.u64(start + 24) == 0
  }
}

/// A pair of strings: a row of the metadata and of the properties.
struct PairRow: FixedLayout, Hashable, Sendable {
  static let byteCount = 16

  var key: StringReference
  var value: StringReference

  init(key: StringReference, value: StringReference) {
    self.key = key
    self.value = value
  }

  init(parsing bytes: RawSpan, at start: Int) {
    key = StringReference(parsing: bytes, at: start)
    value = StringReference(parsing: bytes, at: start + 8)
  }

  func write(to bytes: inout MutableRawSpan, at start: Int) {
    key.write(to: &bytes, at: start)
    value.write(to: &bytes, at: start + 8)
  }
}
