public import MopzBytes
public import MopzTensors
public import SystemPackage

/// A safetensors file: a validated header, and tensors that lie in mapped bytes.
///
/// Opening reads the header alone and checks every rule of ``SafetensorsRule``;
/// afterwards nothing can fail. Tensors share the mapping and keep it alive.
///
/// ```swift
/// let file = try SafetensorsFile(opening: "adapter_model.safetensors")
/// for entry in file.header.tensors { … }
/// if let tensor = file.tensor(named: "lm_head.weight") { … }
/// ```
///
/// The values of tensors are not checked: infinities and NaN are elements too.
public struct SafetensorsFile: Sendable {
  /// What errors call the file: its path, or the name that it was given.
  public let name: String
  /// The path that it was opened with; nil for a file in memory.
  public let path: FilePath?
  /// The header.
  public let header: SafetensorsHeader
  /// The whole file.
  public let bytes: Bytes

  /// Maps a file and validates its header.
  ///
  /// - Throws: ``SafetensorsError``; with the rule ``SafetensorsRule/accessible``
  ///   and a `SystemError` if the file cannot be opened and mapped.
  /// - Complexity: O(header); the data is not touched.
  public init(opening path: FilePath) throws(SafetensorsError) {
    let bytes: Bytes
    do { bytes = try Bytes(mapping: path) } catch {
      throw SafetensorsError(error, file: path.string)
    }
    try self.init(bytes: bytes, name: path.string, path: path)
  }

  /// Validates a file that is in memory.
  ///
  /// - Throws: ``SafetensorsError`` for the first rule that is broken.
  /// - Complexity: O(header).
  public init(bytes: Bytes, name: String) throws(SafetensorsError) {
    try self.init(bytes: bytes, name: name, path: nil)
  }

  private init(bytes: Bytes, name: String, path: FilePath?) throws(SafetensorsError) {
    guard bytes.count >= 8 else {
      throw SafetensorsError(
        rule: .lengthField, file: name, detail: .mismatch(expected: 8, found: UInt64(bytes.count)))
    }
    let length = bytes.span.loadLittleEndian(fromByteOffset: 0, as: UInt64.self)
    guard length <= UInt64(SafetensorsHeader.jsonByteCountMax) else {
      throw SafetensorsError(
        rule: .headerLimit, file: name, offset: 0,
        detail: .exceedsLimit(length, limit: UInt64(SafetensorsHeader.jsonByteCountMax)))
    }
    guard let json = ByteRange(offset: 8, count: length, within: bytes.count) else {
      throw SafetensorsError(
        rule: .headerInFile, file: name, offset: 0,
        detail: .exceedsLimit(length, limit: UInt64(bytes.count - 8)))
    }
    header = try SafetensorsHeader(
      parsing: bytes.span.extracting(json.range), dataByteCount: bytes.count - json.end,
      file: name)
    self.bytes = bytes
    self.name = name
    self.path = path
  }

  /// The JSON of the header as it stands in the file, with its padding.
  public var headerJSON: Bytes { bytes.slice(8..<header.byteCount) }

  /// The data section.
  public var data: Bytes { bytes.slice(header.byteCount..<bytes.count) }

  /// The number of tensors.
  public var count: Int { header.tensors.count }

  /// The tensor at a position of the order of the data.
  ///
  /// - Precondition: `index` lies within `0..<count`.
  /// - Complexity: O(1); the elements are not touched.
  public func tensor(at index: Int) -> Tensor {
    let info = header.tensors[index].info
    return Tensor(dtype: info.dtype, shape: info.shape, bytes: bytes.slice(fileRange(at: index)))
  }

  /// The tensor with a name, or nil.
  ///
  /// - Complexity: O(1); the elements are not touched.
  public func tensor(named name: String) -> Tensor? {
    header.index(of: name).map(tensor(at:))
  }

  /// Where a tensor's bytes lie, counted from the start of the file.
  ///
  /// - Precondition: `index` lies within `0..<count`.
  public func fileRange(at index: Int) -> Range<Int> {
    let range = header.tensors[index].dataRange
    return (header.byteCount + range.lowerBound)..<(header.byteCount + range.upperBound)
  }
}
