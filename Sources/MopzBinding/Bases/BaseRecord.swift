public import MopzBytes
public import MopzSafetensors
public import MopzTensors

/// What an adapter remembers of its base: architecture, names, types and shapes.
///
/// It tells another architecture or another size from the right one; it does not
/// tell two models of equal shape apart, for which their bytes would be needed.
///
/// - Specification: §8.7 of `spec/mopz.md`.
public struct BaseRecord: Hashable, Sendable {
  /// The architecture as the base's config names it; empty if there is none.
  public var architecture: String
  /// The tensors, sorted by the bytes of their names.
  public var tensors: [TensorInfo]

  static let magic: UInt64 = 0x4553_4142_5A50_4F4D  // "MOPZBASE"

  /// Makes a record; tensors are sorted here.
  public init(architecture: String, tensors: [TensorInfo]) {
    self.architecture = architecture
    self.tensors = tensors.sorted { ExactName($0.name) < ExactName($1.name) }
  }

  /// The record of a checkpoint.
  public init(of checkpoint: Checkpoint) {
    self.init(architecture: checkpoint.architecture ?? "", tensors: checkpoint.infos)
  }

  /// The record as bytes.
  public var bytes: [UInt8] {
    var result: [UInt8] = []
    func append(_ value: some FixedWidthInteger) {
      for shift in stride(from: 0, to: value.bitWidth, by: 8) {
        result.append(UInt8(truncatingIfNeeded: value >> shift))
      }
    }
    func append(_ string: String) {
      append(UInt32(string.utf8.count))
      result += string.utf8
    }
    append(Self.magic)
    append(UInt32(tensors.count))
    append(architecture)
    for tensor in tensors {
      append(tensor.name)
      append(tensor.dtype.rawValue)
      append(UInt8(tensor.shape.dimensionCount))
      for dimension in tensor.shape.dimensions { append(UInt64(dimension)) }
    }
    return result
  }

  /// Reads a record; nil if the bytes are none.
  public init?(parsing bytes: Bytes) {
    var cursor = Cursor(bytes: bytes)
    guard cursor.integer(UInt64.self) == Self.magic, let count = cursor.integer(UInt32.self),
      let architecture = cursor.string()
    else { return nil }
    var tensors: [TensorInfo] = []
    for _ in 0..<count {
      guard let info = cursor.info() else { return nil }
      tensors.append(info)
    }
    guard cursor.isAtEnd else { return nil }
    self.architecture = architecture
    self.tensors = tensors
  }

  private struct Cursor {
    let bytes: Bytes
    var offset = 0

    init(bytes: Bytes) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Value?
    {
      guard bytes.count - offset >= MemoryLayout<Value>.size else { return nil }
      defer { offset += MemoryLayout<Value>.size }
      return bytes.span.loadLittleEndian(fromByteOffset: offset, as: type)
    }

    mutating func string() -> String? {
      guard let count = integer(UInt32.self), Int(count) <= bytes.count - offset else { return nil }
      defer { offset += Int(count) }
      return bytes.span.text(in: offset..<offset + Int(count))
    }

    mutating func info() -> TensorInfo? {
      guard let name = string(), let dtype = integer(UInt8.self).flatMap(DType.init(rawValue:)),
        let dimensionCount = integer(UInt8.self)
      else { return nil }
      var dimensions: [Int] = []
      for _ in 0..<dimensionCount {
        guard let dimension = integer(UInt64.self), let size = Int(exactly: dimension) else {
          return nil
        }
        dimensions.append(size)
      }
      return Shape(checking: dimensions).map { TensorInfo(name: name, dtype: dtype, shape: $0) }
    }
  }

  /// In what another base differs from the recorded one; empty if in nothing.
  ///
  /// - Parameter limit: The most tensors that are named one by one.
  public func differences(from base: BaseRecord, limit: Int = 3) -> [String] {
    var result: [String] = []
    if !architecture.isEmpty, !base.architecture.isEmpty, architecture != base.architecture {
      result.append(
        "the architecture is \(base.architecture.quoted), recorded was \(architecture.quoted)")
    }
    var found: [ExactName: TensorInfo] = [:]
    for tensor in base.tensors { found[ExactName(tensor.name)] = tensor }
    var differing: [String] = []
    for tensor in tensors {
      guard let other = found.removeValue(forKey: ExactName(tensor.name)) else {
        differing.append("\(tensor.name.quoted) is missing")
        continue
      }
      if other.shape != tensor.shape || other.dtype != tensor.dtype {
        differing.append(
          "\(tensor.name.quoted) is \(other.dtype.code) \(other.shape), recorded was "
            + "\(tensor.dtype.code) \(tensor.shape)")
      }
    }
    for name in found.keys.sorted() { differing.append("\(name.string.quoted) was not recorded") }
    result += differing.prefix(limit)
    if differing.count > limit { result.append("and \(differing.count - limit) more tensors") }
    return result
  }
}
