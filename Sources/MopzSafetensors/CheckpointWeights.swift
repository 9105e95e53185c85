import MopzBytes
import SystemPackage

/// Which files of a directory are the checkpoint.
struct CheckpointWeights {
  static let singleFileName = "model.safetensors"

  /// The names of the weights files, ordered by their bytes.
  let shardNames: [String]
  let index: ShardIndex?
  let indexFileName: String?

  /// The files that are read here, and so are none of the others.
  var ownFileNames: Set<String> { Set(shardNames + (indexFileName.map { [$0] } ?? [])) }

  /// The checkpoint that is one file.
  init(file path: FilePath) {
    shardNames = [path.lastComponent?.string ?? path.string]
    (index, indexFileName) = (nil, nil)
  }

  /// Looks for the weights of a directory.
  init(in directory: FilePath) throws(CheckpointError) {
    let index = try Self.index(in: directory)
    let hasSingleFile: Bool
    do {
      hasSingleFile = try directory.appending(Self.singleFileName).status() != nil
    } catch { throw CheckpointError(directory, .system(error)) }
    if let index, !hasSingleFile || index.shardNames == [Self.singleFileName] {
      shardNames = index.shardNames
      guard !shardNames.isEmpty else { throw CheckpointError(directory, .noWeights) }
      (self.index, indexFileName) = (index, ShardIndex.fileName)
      return
    }
    (self.index, indexFileName) = (nil, nil)
    shardNames = [hasSingleFile ? Self.singleFileName : try Self.onlyFile(in: directory)]
  }

  private static func index(in directory: FilePath) throws(CheckpointError) -> ShardIndex? {
    let path = directory.appending(ShardIndex.fileName)
    let bytes: Bytes
    do {
      guard try path.status() != nil else { return nil }
      bytes = try Bytes(mapping: path)
    } catch { throw CheckpointError(path, .system(error)) }
    return try ShardIndex(parsing: bytes.span, path: path)
  }

  /// The name of the one weights file that a directory holds.
  private static func onlyFile(in directory: FilePath) throws(CheckpointError) -> String {
    let entries: [DirectoryEntry]
    do { entries = try directory.directoryEntries() } catch {
      throw CheckpointError(directory, .system(error))
    }
    let names = entries.filter { $0.kind != .directory }.map(\.name.string)
    let candidates = names.filter {
      $0.hasSuffix(".safetensors") && $0 != "adapter_model.safetensors"
    }
    // An index of another name says that there are several files, or should be.
    let indices = names.filter { $0.hasSuffix(".safetensors.index.json") }
    guard let only = candidates.first else {
      let isAdapter = names.contains("adapter_model.safetensors")
      throw CheckpointError(directory, isAdapter ? .adapter : .noWeights)
    }
    guard candidates.count == 1, indices.isEmpty else {
      throw CheckpointError(directory, .ambiguousWeights(candidates + indices))
    }
    return only
  }
}
