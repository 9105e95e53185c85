import MopzBinding
import MopzBytes
import MopzSafetensors
import MopzTensors

/// One weights file of the output: its header, and what stands behind each tensor.
struct OutputShard: Sendable {
  /// Where the bytes of a tensor come from.
  enum Source: Hashable, Sendable {
    /// A tensor of the base's shard of the same number, at this place in its header.
    case base(Int)
    /// A target of the binding.
    case target(Int)
    /// A tensor that is added.
    case added(Int)
  }

  struct Entry: Sendable {
    var info: TensorInfo
    var source: Source
    /// The bytes in the file.
    var range: Range<Int>
  }

  /// The file's name in the output.
  let fileName: String
  /// The length field and the header; nil if they are those of the base's shard.
  let header: [UInt8]?
  /// The tensors in the order of the data.
  let entries: [Entry]
  /// The size of the file.
  let byteCount: Int
  /// Whether tensors had to move for the sake of alignment.
  let isReordered: Bool

  /// The bytes of all tensors.
  var dataByteCount: Int { entries.reduce(0) { $0 + $1.range.count } }

  /// A shard that is the base's but for the contents of its tensors.
  init(like shard: Checkpoint.Shard, named name: String, sources: [Source]) {
    fileName = name
    header = nil
    entries = shard.file.header.tensors.indices.map { i in
      Entry(
        info: shard.file.header.tensors[i].info, source: sources[i],
        range: shard.file.fileRange(at: i))
    }
    byteCount = shard.file.bytes.count
    isReordered = false
  }

  /// A shard with other types or more tensors than the base's.
  ///
  /// The order is kept; only where a tensor would not be aligned to its elements,
  /// larger types move before smaller ones.
  ///
  /// - Throws: ``MergeError/weights(_:)`` if the sizes overflow.
  init(
    named name: String, tensors: [(info: TensorInfo, source: Source)],
    metadata: [SafetensorsHeader.Property]?
  ) throws(MergeError) {
    var tensors = tensors
    var offset = 0
    var isAligned = true
    for (info, _) in tensors {
      isAligned = isAligned && offset % info.dtype.alignment == 0
      offset += info.shape.byteCount(of: info.dtype) ?? 0
    }
    if !isAligned {
      let order = tensors.indices.sorted { a, b in
        let (first, second) = (tensors[a].info.dtype.alignment, tensors[b].info.dtype.alignment)
        return first != second ? first > second : a < b
      }
      tensors = order.map { tensors[$0] }
    }
    guard let entries = StandardHeader.entries(of: tensors.map(\.info)) else {
      throw .weights(SafetensorsError(rule: .shapeOverflow, file: name))
    }
    let json = StandardHeader.bytes(of: entries, metadata: metadata)
    var header: [UInt8] = []
    for shift in stride(from: 0, to: 64, by: 8) {
      header.append(UInt8(truncatingIfNeeded: json.count >> shift))
    }
    header += json
    let start = header.count
    fileName = name
    self.header = header
    self.entries = zip(entries, tensors).map { entry, tensor in
      Entry(
        info: tensor.info, source: tensor.source,
        range: start + entry.dataRange.lowerBound..<start + entry.dataRange.upperBound)
    }
    byteCount = start + (entries.last?.dataRange.upperBound ?? 0)
    isReordered = !isAligned
  }
}
