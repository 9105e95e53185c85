public import MopzBytes
public import SystemPackage

/// The index of a checkpoint that lies in several files: which one holds which tensor.
///
/// Everything of the file is kept in its order, members that nobody knows too;
/// only what is changed changes.
public struct ShardIndex: Hashable, Sendable {
  /// The usual name of the file.
  public static let fileName = "model.safetensors.index.json"

  /// The whole file.
  public private(set) var document: JSONObject

  /// Reads an index.
  ///
  /// - Parameters:
  ///   - bytes: The file's bytes.
  ///   - path: What errors call the file.
  /// - Throws: ``CheckpointError`` if it is no JSON object with a `weight_map` from
  ///   names to plain names of `.safetensors` files.
  public init(parsing bytes: RawSpan, path: FilePath) throws(CheckpointError) {
    let value: JSON
    do { value = try JSON(parsing: bytes) } catch {
      throw CheckpointError(path, .malformedJSON(error))
    }
    guard let document = value.objectValue else {
      throw CheckpointError(path, .unexpectedJSON(member: nil, expected: "an object"))
    }
    guard let map = document["weight_map"]?.objectValue else {
      throw CheckpointError(path, .unexpectedJSON(member: "weight_map", expected: "an object"))
    }
    if let metadata = document["metadata"], metadata.objectValue == nil {
      throw CheckpointError(path, .unexpectedJSON(member: "metadata", expected: "an object"))
    }
    for member in map {
      guard let shard = member.value.stringValue else {
        throw CheckpointError(path, .unexpectedJSON(member: member.key, expected: "a file name"))
      }
      guard Self.isShardName(shard) else {
        throw CheckpointError(path, .shardName(shard, tensor: member.key))
      }
    }
    self.document = document
  }

  /// An index of tensors, in the order of the names.
  ///
  /// - Precondition: No name occurs twice.
  public init(shards: [(tensor: String, shard: String)], byteCount: Int) {
    var map = JSONObject()
    for (tensor, shard) in shards.sorted(by: { ExactName($0.tensor) < ExactName($1.tensor) }) {
      let isNew = map.append(key: tensor, value: JSON(shard))
      precondition(isNew, "a tensor lies in one shard")
    }
    document = JSONObject()
    document["metadata"] = ["total_size": JSON(byteCount)]
    document["weight_map"] = .object(map)
  }

  /// The names of the shards, each once, ordered by their bytes.
  ///
  /// - Complexity: O(n log n) in the tensors.
  public var shardNames: [String] {
    Set(weightMap.map { ExactName($0.value.stringValue ?? "") }).sorted().map(\.string)
  }

  /// The names of the tensors in their order.
  public var tensorNames: some Sequence<String> { weightMap.keys }

  /// The file that holds a tensor, or nil.
  ///
  /// - Complexity: O(1).
  public func shard(of tensor: String) -> String? { weightMap[tensor]?.stringValue }

  /// The size of all tensors in bytes as the index states it, or nil.
  public var totalByteCount: Int? { document["metadata"]?["total_size"]?.intValue }

  /// Says in which file a tensor lies; a tensor that is new comes last.
  ///
  /// - Precondition: `shard` is a plain name that ends in `.safetensors`.
  public mutating func assign(_ tensor: String, to shard: String) {
    precondition(Self.isShardName(shard))
    var map = weightMap
    map[tensor] = JSON(shard)
    document["weight_map"] = .object(map)
  }

  /// Sets the size of all tensors, and their number of elements where the index states it.
  public mutating func setTotals(byteCount: Int, elementCount: Int) {
    var metadata = document["metadata"]?.objectValue ?? JSONObject()
    metadata["total_size"] = JSON(byteCount)
    if metadata["total_parameters"] != nil {
      metadata["total_parameters"] = JSON(elementCount)
    }
    document["metadata"] = .object(metadata)
  }

  /// The file: indented by two, with a line break at the end, as the usual writers do.
  public func serialized() -> [UInt8] {
    JSON.object(document).serialized(pretty: true) + [UInt8(ascii: "\n")]
  }

  private var weightMap: JSONObject { document["weight_map"]?.objectValue ?? JSONObject() }

  /// Whether a name is that of a file beside the index and of the right kind.
  static func isShardName(_ name: String) -> Bool {
    let suffix = ".safetensors"
    return name.utf8.count > suffix.utf8.count && name.hasSuffix(suffix)
      && HeaderParser.isSound(name) && !name.hasPrefix(".")
      && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
  }
}
