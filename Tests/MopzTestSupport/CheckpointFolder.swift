public import MopzBytes
import MopzSafetensors
public import MopzTensors
public import SystemPackage

extension TemporaryFolder {
  /// Writes a checkpoint directory: one file, or shards with an index.
  ///
  /// - Parameters:
  ///   - shards: The tensors of each file, in the order of their data.
  ///   - config: The text of `config.json`; nil for none.
  @discardableResult
  public func writeCheckpoint(
    _ name: String, shards: [[(name: String, tensor: Tensor)]], config: String? = nil
  ) throws -> FilePath {
    let directory = self(name)
    try directory.createDirectory()
    var places: [(tensor: String, shard: String)] = []
    var byteCount = 0
    for (number, tensors) in shards.enumerated() {
      let fileName =
        shards.count == 1
        ? "model.safetensors" : "model-0000\(number + 1)-of-0000\(shards.count).safetensors"
      var file = try OutputFile(creating: directory.appending(fileName))
      let infos = tensors.map {
        TensorInfo(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
      }
      var writer = try SafetensorsWriter(
        tensors: infos, metadata: [.init(key: "format", value: "pt")], to: &file)
      for (name, tensor) in tensors {
        try writer.append(tensor.bytes.span, of: name, to: &file)
        places.append((name, fileName))
        byteCount += tensor.bytes.count
      }
      try writer.finish()
      try file.close()
    }
    if shards.count > 1 {
      let index = ShardIndex(shards: places, byteCount: byteCount)
      try write("\(name)/\(ShardIndex.fileName)", index.serialized())
    }
    if let config { try write("\(name)/config.json", config) }
    return directory
  }
}
