import MopzBytes
public import SystemPackage

/// What lies in a checkpoint's directory beside the files that make it up.
///
/// Paths are relative to the directory. Directories are searched, except `.git`
/// and `.cache`; links to files count as the files, links to directories are not
/// followed.
public struct CheckpointSurroundings: Hashable, Sendable {
  /// Files that a copy of the checkpoint needs: configurations, `config.json` among them,
  /// tokenizer, templates, code.
  public private(set) var otherFiles: [FilePath] = []
  /// Other weights: of other formats, of variants, of adapters, stale shards and indices.
  public private(set) var otherWeightFiles: [FilePath] = []
  /// What is neither: links to directories or to nothing, devices, `.git` and `.cache`.
  public private(set) var skipped: [FilePath] = []

  /// How deep directories may lie within one another.
  static let depthMax = 16

  /// The endings of files of weights.
  static let weightSuffixes = [
    ".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pt", ".pth", ".ckpt",
    ".gguf", ".ggml", ".h5", ".msgpack", ".msgpack.index.json", ".h5.index.json", ".onnx",
    ".onnx_data", ".tflite", ".npz",
  ]

  /// Nothing.
  init() {}

  /// Lists a directory.
  ///
  /// - Parameter weights: The names of the checkpoint's own files, which are not listed.
  init(of directory: FilePath, weights: Set<String>) throws(CheckpointError) {
    try list(directory, relative: "", weights: weights, depth: 0)
  }

  private mutating func list(
    _ directory: FilePath, relative: FilePath, weights: Set<String>, depth: Int
  ) throws(CheckpointError) {
    guard depth <= Self.depthMax else {
      throw CheckpointError(directory, .tooDeep(limit: Self.depthMax))
    }
    let entries: [DirectoryEntry]
    do { entries = try directory.directoryEntries() } catch {
      throw CheckpointError(directory, .system(error))
    }
    for entry in entries {
      let place = relative.appending(entry.name)
      let name = entry.name.string
      switch entry.kind {
      case .regular: add(place, name, weights: weights)
      case .symbolicLink where try Self.pointsToFile(entry.path):
        add(place, name, weights: weights)
      case .directory where name != ".git" && name != ".cache":
        try list(entry.path, relative: place, weights: [], depth: depth + 1)
      case .directory, .symbolicLink, .special: skipped.append(place)
      }
    }
  }

  private static func pointsToFile(_ link: FilePath) throws(CheckpointError) -> Bool {
    do { return try link.isRegularFile() } catch {
      // A link to itself cannot be examined; it is skipped like one to nothing.
      if error.errno == .tooManySymbolicLinkLevels { return false }
      throw CheckpointError(link, .system(error))
    }
  }

  private mutating func add(_ place: FilePath, _ name: String, weights: Set<String>) {
    if weights.contains(name) { return }
    if Self.weightSuffixes.contains(where: name.hasSuffix) {
      otherWeightFiles.append(place)
    } else {
      otherFiles.append(place)
    }
  }
}
