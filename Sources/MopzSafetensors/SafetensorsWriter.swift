public import MopzBytes
public import MopzTensors
import SystemPackage

/// Writes a safetensors file tensor by tensor, holding none of them.
///
/// The header goes first, so every name, type and shape is known from the start.
/// The bytes follow in the order of the data, in pieces of any size; a piece of
/// another tensor than the next one, or too many bytes, is an error, and
/// ``finish()`` refuses a file that lacks some.
///
/// ```swift
/// var writer = try SafetensorsWriter(tensors: infos, metadata: nil, to: &file)
/// for info in infos { try writer.append(bytes(of: info), of: info.name, to: &file) }
/// try writer.finish()
/// ```
public struct SafetensorsWriter: ~Copyable {
  /// The header that was written.
  public let header: SafetensorsHeader
  private let file: String
  private var index = 0
  /// The bytes of the tensor at `index` that were written.
  private var writtenByteCount = 0

  /// Writes the standard header.
  ///
  /// - Parameters:
  ///   - tensors: The tensors in the order of their data; for the order of the
  ///     reference serialiser see ``StandardHeader/dataOrder(of:)``.
  ///   - metadata: The properties of `__metadata__`; nil for none.
  ///   - output: Receives the length and the header at its end.
  /// - Throws: ``SafetensorsError`` if a reader would refuse the header: names,
  ///   alignment, size; or if it cannot be written.
  public init(
    tensors: [TensorInfo], metadata: [SafetensorsHeader.Property]?, to output: inout OutputFile
  ) throws(SafetensorsError) {
    let file = output.path.string
    guard let entries = StandardHeader.entries(of: tensors) else {
      throw SafetensorsError(rule: .shapeOverflow, file: file)
    }
    let json = StandardHeader.bytes(of: entries, metadata: metadata)
    try self.init(headerJSON: json.span.rawBytes, to: &output)
  }

  /// Writes a header that was read before, byte for byte.
  ///
  /// - Parameter json: The header without the length before it, with its padding.
  /// - Throws: ``SafetensorsError`` if a reader would refuse it, or if it cannot
  ///   be written.
  public init(headerJSON json: RawSpan, to output: inout OutputFile) throws(SafetensorsError) {
    let file = output.path.string
    let header = try SafetensorsHeader(parsing: json, dataByteCount: nil, file: file)
    do {
      try output.append((0..<8).map { UInt8(truncatingIfNeeded: json.byteCount >> (8 * $0)) })
      try output.append(json)
    } catch { throw SafetensorsError(error, file: file) }
    self.file = file
    self.header = header
    skipComplete()
  }

  /// The next tensor to write, empty ones left out; nil after the last one.
  public var nextTensor: TensorInfo? {
    index < header.tensors.count ? header.tensors[index].info : nil
  }

  /// Appends the next bytes of a tensor.
  ///
  /// - Throws: ``SafetensorsError`` if it is another tensor's turn, if these are
  ///   more bytes than it has, or if they cannot be written.
  public mutating func append(
    _ bytes: RawSpan, of tensor: String, to output: inout OutputFile
  ) throws(SafetensorsError) {
    try advance(bytes.byteCount, of: tensor)
    do { try output.append(bytes) } catch { throw SafetensorsError(error, file: file) }
  }

  /// Appends the next bytes of a tensor from another file, within the kernel where it can.
  ///
  /// - Throws: ``SafetensorsError`` as ``append(_:of:to:)``.
  public mutating func append(
    _ range: Range<Int>, in source: InputFile, of tensor: String, to output: inout OutputFile
  ) throws(SafetensorsError) {
    try advance(range.count, of: tensor)
    do { try output.append(range, of: source) } catch {
      throw SafetensorsError(error, file: file)
    }
  }

  /// Checks that every tensor was written to its end.
  ///
  /// - Throws: ``SafetensorsError`` that names the first one that was not.
  public consuming func finish() throws(SafetensorsError) {
    guard let info = nextTensor else { return }
    throw SafetensorsError(
      rule: .byteCount, file: file, tensor: info.name,
      detail: .mismatch(
        expected: UInt64(header.tensors[index].dataRange.count), found: UInt64(writtenByteCount)))
  }

  private mutating func advance(_ count: Int, of tensor: String) throws(SafetensorsError) {
    if count == 0, header.index(of: tensor) != nil { return }
    guard let info = nextTensor, info.name == tensor else {
      throw SafetensorsError(
        rule: .writeOrder, file: file, tensor: tensor,
        detail: .unexpected(expected: nextTensor?.name.quoted ?? "no more", found: tensor))
    }
    let whole = header.tensors[index].dataRange.count
    guard count <= whole - writtenByteCount else {
      throw SafetensorsError(
        rule: .byteCount, file: file, tensor: tensor,
        detail: .mismatch(expected: UInt64(whole), found: UInt64(writtenByteCount + count)))
    }
    writtenByteCount += count
    skipComplete()
  }

  /// Goes on to the next tensor that lacks bytes.
  private mutating func skipComplete() {
    while index < header.tensors.count,
      writtenByteCount == header.tensors[index].dataRange.count
    {
      index += 1
      writtenByteCount = 0
    }
  }
}
