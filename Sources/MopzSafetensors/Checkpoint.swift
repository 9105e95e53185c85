public import MopzBytes
public import MopzTensors
public import SystemPackage

/// The weights of a base model with what lies beside them.
///
/// A directory with `model.safetensors`, with a shard index, or with exactly one
/// other `.safetensors` file; or a single `.safetensors` file by itself. Where
/// `model.safetensors` and an index of other files lie side by side, the single
/// file is the checkpoint, as the usual loader has it, and the rest is stale.
///
/// Opening reads headers and JSON alone; afterwards every tensor has exactly one
/// place.
public struct Checkpoint: Sendable {
  /// A file of weights.
  public struct Shard: Sendable {
    /// The file's name, without directories.
    public let fileName: String
    /// The file.
    public let file: SafetensorsFile
  }

  /// Where a tensor lies.
  public struct Location: Hashable, Sendable {
    /// The position of the file in ``Checkpoint/shards``.
    public let shard: Int
    /// The position of the tensor in the file's header.
    public let tensor: Int
  }

  /// The directory or file, as it was given.
  public let path: FilePath
  /// Whether ``path`` is a directory; else nothing but the one file was looked at.
  public let isDirectory: Bool
  /// The files of weights, ordered by the bytes of their names.
  public let shards: [Shard]
  /// The shard index; nil for a single file.
  public let index: ShardIndex?
  /// The file name of the index; nil for a single file.
  public let indexFileName: String?
  /// The descriptions of all tensors, ordered by the bytes of their names.
  public let infos: [TensorInfo]
  /// `config.json`, whose order and spelling of numbers are kept; nil if there is none.
  public let config: JSONObject?
  /// The bytes of `config.json`.
  public let configBytes: Bytes?
  /// What else lies in the directory.
  public let surroundings: CheckpointSurroundings

  private let locations: [String: Location]

  /// Opens a checkpoint.
  ///
  /// - Throws: ``CheckpointError`` if there are no weights or several, if a file or
  ///   the index is refused, or if index and files contradict each other.
  /// - Complexity: O(headers); the data is not touched.
  public init(opening path: FilePath) throws(CheckpointError) {
    let status: FileStatus?
    do { status = try path.status() } catch { throw CheckpointError(path, .system(error)) }
    guard let status else { throw CheckpointError(path, .absent) }
    self.path = path
    isDirectory = status.kind == .directory

    let weights: CheckpointWeights
    if isDirectory {
      weights = try CheckpointWeights(in: path)
      configBytes = try Self.configBytes(in: path)
      config = try configBytes.map { (bytes) throws(CheckpointError) in
        try Self.parseConfig(bytes, path.appending("config.json"))
      }
      surroundings = try CheckpointSurroundings(of: path, weights: weights.ownFileNames)
    } else {
      weights = CheckpointWeights(file: path)
      (config, configBytes, surroundings) = (nil, nil, CheckpointSurroundings())
    }
    (index, indexFileName) = (weights.index, weights.indexFileName)

    var shards: [Shard] = []
    for name in weights.shardNames {
      let file = isDirectory ? path.appending(name) : path
      do { shards.append(Shard(fileName: name, file: try SafetensorsFile(opening: file))) } catch {
        let isAbsent = error.systemError?.errno == .noSuchFileOrDirectory
        throw CheckpointError(path, isAbsent ? .shardAbsent(name) : .weights(error))
      }
    }
    self.shards = shards
    locations = try Self.locations(in: shards, index: weights.index, path: path)
    infos = shards.flatMap { $0.file.header.tensors.map(\.info) }
      .sorted { ExactName($0.name) < ExactName($1.name) }
  }

  /// Where a tensor lies, or nil.
  ///
  /// - Complexity: O(1).
  public func location(of name: String) -> Location? { locations[name] }

  /// The tensor at a place.
  ///
  /// - Precondition: The place comes from this checkpoint.
  public func tensor(at location: Location) -> Tensor {
    shards[location.shard].file.tensor(at: location.tensor)
  }

  /// The tensor with a name, or nil.
  ///
  /// - Complexity: O(1); the elements are not touched.
  public func tensor(named name: String) -> Tensor? { location(of: name).map(tensor(at:)) }

  /// What is known of a tensor without its bytes, or nil.
  public func info(of name: String) -> TensorInfo? {
    location(of: name).map { shards[$0.shard].file.header.tensors[$0.tensor].info }
  }

  /// `model_type` of the configuration, or nil.
  public var modelType: String? { config?["model_type"]?.stringValue }

  /// The first of `architectures` of the configuration, or nil.
  public var architecture: String? { config?["architectures"]?.arrayValue?.first?.stringValue }

  /// `tie_word_embeddings` of the configuration, or nil where it is silent.
  ///
  /// What silence means depends on the architecture.
  public var tiesWordEmbeddings: Bool? { config?["tie_word_embeddings"]?.boolValue }
}

extension Checkpoint {
  private static func configBytes(in directory: FilePath) throws(CheckpointError) -> Bytes? {
    let path = directory.appending("config.json")
    do {
      guard try path.status() != nil else { return nil }
      return try Bytes(mapping: path)
    } catch { throw CheckpointError(path, .system(error)) }
  }

  private static func parseConfig(
    _ bytes: Bytes, _ path: FilePath
  ) throws(CheckpointError) -> JSONObject {
    let value: JSON
    do { value = try JSON(parsing: bytes.span) } catch {
      throw CheckpointError(path, .malformedJSON(error))
    }
    guard let object = value.objectValue else {
      throw CheckpointError(path, .unexpectedJSON(member: nil, expected: "an object"))
    }
    return object
  }

  /// Finds each tensor's place, and checks that index and files agree.
  private static func locations(
    in shards: [Shard], index: ShardIndex?, path: FilePath
  ) throws(CheckpointError) -> [String: Location] {
    var locations: [String: Location] = [:]
    locations.reserveCapacity(shards.reduce(0) { $0 + $1.file.count })
    for (number, shard) in shards.enumerated() {
      for (position, entry) in shard.file.header.tensors.enumerated() {
        let name = entry.info.name
        if let index {
          guard let listed = index.shard(of: name) else {
            throw CheckpointError(path, .tensorUnlisted(name, shard: shard.fileName))
          }
          guard listed == shard.fileName else {
            throw CheckpointError(
              path, .tensorElsewhere(name, shard: shard.fileName, other: listed))
          }
        }
        let place = Location(shard: number, tensor: position)
        // Names that only their composition tells apart count as one, as in a header.
        if let other = locations.updateValue(place, forKey: name) {
          throw CheckpointError(
            path,
            .tensorElsewhere(
              name, shard: shard.fileName, other: shards[other.shard].fileName))
        }
      }
    }
    guard let index else { return locations }
    for name in index.tensorNames where locations[name] == nil {
      throw CheckpointError(path, .tensorAbsent(name, shard: index.shard(of: name) ?? ""))
    }
    return locations
  }
}
