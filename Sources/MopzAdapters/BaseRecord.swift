import MopzBytes
public import MopzTensors

/// Which base a task was made for: the architecture, and the names, types and shapes
/// of the base's tensors.
///
/// It holds no weights: two bases with equal records may still have other values.
///
/// - Specification: §7.2 of `spec/mopz.md`.
public struct BaseRecord: Hashable, Sendable {
  /// Such as `LlamaForCausalLM`; may be empty.
  public let architecture: String
  /// The tensors, in ascending order of their names' bytes, no name twice.
  public let tensors: [TensorInfo]

  /// A record of tensors in any order, or nil if two have one name.
  ///
  /// - Complexity: O(n log n).
  public init?(architecture: String, tensors: [TensorInfo]) {
    let sorted = tensors.sorted { ExactName($0.name) < ExactName($1.name) }
    for (a, b) in zip(sorted, sorted.dropFirst()) where ExactName(a.name) == ExactName(b.name) {
      return nil
    }
    self.architecture = architecture
    self.tensors = sorted
  }

  static let magic = Array("MOPZBASE".utf8)

  /// The record's bytes.
  ///
  /// - Complexity: O(n).
  public func encoded() -> [UInt8] {
    var bytes = Self.magic
    Self.append(UInt32(tensors.count), to: &bytes)
    Self.append(architecture, to: &bytes)
    for tensor in tensors {
      Self.append(tensor.name, to: &bytes)
      bytes.append(tensor.dtype.rawValue)
      bytes.append(UInt8(tensor.shape.dimensionCount))
      for dimension in tensor.shape.dimensions { Self.append(UInt64(dimension), to: &bytes) }
    }
    return bytes
  }

  /// The record as a block.
  ///
  /// - Complexity: O(n).
  public var block: Tensor {
    let bytes = Bytes(encoded())
    return Tensor(dtype: .u8, shape: [bytes.count], bytes: bytes)
  }

  private static func append(_ string: String, to bytes: inout [UInt8]) {
    append(UInt32(string.utf8.count), to: &bytes)
    bytes += string.utf8
  }

  private static func append<Value: FixedWidthInteger>(_ value: Value, to bytes: inout [UInt8]) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}

extension BaseRecord {
  /// Reads a record.
  ///
  /// - Returns: nil if the bytes break BAS-2, BAS-3 or LIM-4.
  /// - Complexity: O(n); nothing is allocated for a count before its bytes are there.
  public init?(decoding span: RawSpan) {
    var cursor = Cursor(span: span)
    guard let magic = cursor.take(8), span.hasBytes(Self.magic, at: magic.lowerBound),
      let count = cursor.integer(as: UInt32.self), let architecture = cursor.string()
    else { return nil }
    var tensors: [TensorInfo] = []
    for _ in 0..<count {
      guard let name = cursor.string(), let code = cursor.integer(as: UInt8.self),
        let dtype = DType(rawValue: code), let dimensionCount = cursor.integer(as: UInt8.self),
        dimensionCount <= 8
      else { return nil }
      var dimensions: [Int] = []
      for _ in 0..<dimensionCount {
        guard let value = cursor.integer(as: UInt64.self), let dimension = Int(exactly: value)
        else { return nil }
        dimensions.append(dimension)
      }
      guard let shape = Shape(checking: dimensions) else { return nil }
      if let last = tensors.last, !(ExactName(last.name) < ExactName(name)) { return nil }
      tensors.append(TensorInfo(name: name, dtype: dtype, shape: shape))
    }
    guard cursor.offset == span.byteCount else { return nil }
    self.architecture = architecture
    self.tensors = tensors
  }

  /// Reads fields one after the other.
  private struct Cursor: ~Escapable {
    let span: RawSpan
    var offset = 0

    @_lifetime(copy span)
    init(span: RawSpan) { self.span = span }

    mutating func take(_ count: Int) -> Range<Int>? {
      guard count <= span.byteCount - offset else { return nil }
      offset += count
      return (offset - count)..<offset
    }

    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
      as type: Value.Type
    ) -> Value? {
      guard let range = take(MemoryLayout<Value>.size) else { return nil }
      return span.loadLittleEndian(fromByteOffset: range.lowerBound, as: type)
    }

    mutating func string() -> String? {
      guard let count = integer(as: UInt32.self), let range = take(Int(count)) else { return nil }
      return span.text(in: range)
    }
  }
}

extension RawSpan {
  /// Whether bytes stand at an offset.
  fileprivate func hasBytes(_ bytes: [UInt8], at offset: Int) -> Bool {
    bytes.indices.allSatisfy { byte(at: offset + $0) == bytes[$0] }
  }
}

extension BaseRecord {
  /// How another base differs from the recorded one.
  ///
  /// - Returns: Clauses such as `tensor "lm_head.weight" is missing`, at most `limit` of
  ///   them; empty if the records are equal.
  /// - Complexity: O(n).
  public func differences(from other: BaseRecord, limit: Int = 8) -> [String] {
    var clauses: [String] = []
    if architecture != other.architecture {
      clauses.append(
        "the architecture is \(other.architecture.quoted), recorded is \(architecture.quoted)")
    }
    var a = 0
    var b = 0
    while clauses.count < limit, a < tensors.count || b < other.tensors.count {
      let mine = a < tensors.count ? tensors[a] : nil
      let theirs = b < other.tensors.count ? other.tensors[b] : nil
      if let mine, theirs.map({ ExactName(mine.name) < ExactName($0.name) }) ?? true {
        clauses.append("tensor \(mine.name.quoted) is missing")
        a += 1
      } else if let theirs, mine.map({ ExactName(theirs.name) < ExactName($0.name) }) ?? true {
        clauses.append("tensor \(theirs.name.quoted) was not recorded")
        b += 1
      } else if let mine, let theirs {
        if mine.dtype != theirs.dtype || mine.shape != theirs.shape {
          clauses.append(
            "tensor \(mine.name.quoted) is \(theirs.dtype.code) \(theirs.shape), recorded is "
              + "\(mine.dtype.code) \(mine.shape)")
        }
        a += 1
        b += 1
      }
    }
    return clauses
  }
}

extension Adapter {
  /// The base that the task was made for, or nil if none was recorded or the record is
  /// damaged.
  public var baseRecord: BaseRecord? {
    guard let index = baseRecordBlock, blocks.indices.contains(index) else { return nil }
    let block = blocks[index]
    return BaseRecord(decoding: block.bytes.span)
  }

  /// Records the base that the task was made for.
  public mutating func setBaseRecord(_ record: BaseRecord) { setBaseRecord(record.block) }

  /// Records the base that the task was made for.
  ///
  /// - Parameter block: ``BaseRecord/block``, which many adapters of one base may share.
  /// - Precondition: `block` is U8 with one dimension.
  public mutating func setBaseRecord(_ block: Tensor) {
    precondition(block.dtype == .u8 && block.shape.dimensionCount == 1)
    if let index = baseRecordBlock {
      blocks[index] = block
    } else {
      blocks.append(block)
      baseRecordBlock = blocks.count - 1
    }
  }
}
