public import MopzTensors

/// The header of a safetensors file, validated.
///
/// A header that exists keeps every rule of ``SafetensorsRule``: names are
/// unique and sound, and the tensors tile the data section without hole or
/// overlap.
public struct SafetensorsHeader: Sendable {
  /// A tensor and where its bytes lie.
  public struct Entry: Hashable, Sendable {
    /// Name, element type and shape.
    public var info: TensorInfo
    /// The tensor's bytes, counted from the start of the data section.
    public var dataRange: Range<Int>

    /// Makes an entry from its parts.
    public init(info: TensorInfo, dataRange: Range<Int>) {
      self.info = info
      self.dataRange = dataRange
    }
  }

  /// A key of `__metadata__` with its value, both verbatim.
  public struct Property: Hashable, Sendable {
    public var key: String
    public var value: String

    /// Makes a property from its parts.
    public init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  /// The most bytes that the JSON of a header may have; the reference's limit.
  public static let jsonByteCountMax = 100_000_000
  /// The most dimensions that a shape may have.
  public static let dimensionCountMax = 64

  /// The tensors in the order of their data; empty ones at one offset in the order of the header.
  public let tensors: [Entry]
  /// The order of the header: `tensors[headerOrder[i]]` is the i-th tensor that it names.
  public let headerOrder: [Int]
  /// The properties of `__metadata__` in their order; nil if there is no `__metadata__`.
  public let metadata: [Property]?
  /// The bytes before the data section: the eight of the length, and the JSON with its padding.
  public let byteCount: Int
  /// The bytes of the data section.
  public let dataByteCount: Int
  /// Whether ``StandardHeader`` writes exactly this header for these tensors and metadata.
  public let isStandard: Bool

  let indices: [String: Int]

  init(
    tensors: [Entry], headerOrder: [Int], metadata: [Property]?, jsonByteCount: Int,
    dataByteCount: Int, isStandard: Bool, indices: [String: Int]
  ) {
    self.tensors = tensors
    self.headerOrder = headerOrder
    self.metadata = metadata
    self.byteCount = 8 + jsonByteCount
    self.dataByteCount = dataByteCount
    self.isStandard = isStandard
    self.indices = indices
  }

  /// The position in ``tensors`` of the tensor with a name, or nil.
  ///
  /// - Complexity: O(1).
  public func index(of name: String) -> Int? { indices[name] }

  /// The value of a key of `__metadata__`, or nil.
  public func metadataValue(forKey key: String) -> String? {
    metadata?.first { $0.key == key }?.value
  }
}
