import MopzBytes
public import SystemPackage

/// What lies in a checkpoint's directory beside the files that make it up.
///
/// Paths are relative to the directory. Directories are searched, except `.git` and `.cache`.
/// Links count as what they point to, but one that leads back to a directory that it lies in is
/// not followed.
public struct CheckpointSurroundings: Hashable, Sendable {
  /// Files that a copy of the checkpoint needs: configurations, `config.json` among them,
  /// tokenizer, templates, code.
  public private(set) var otherFiles: [FilePath] = []
  /// Other weights: of other formats, of variants, of adapters, stale shards and indices.
  public private(set) var otherWeightFiles: [FilePath] = []
  /// What is neither: links to nothing or in a circle, devices, `.git` and `.cache`.
  public private(set) var skipped: [FilePath] = []

  private var directoryCount = 0

  /// How deep directories may lie within one another.
  static let depthMax = 16
  /// How many directories are searched; links can make many of a few.
  static let directoryCountMax = 4096

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
    try list(directory, relative: "", weights: weights, within: [])
  }

  /// - Parameter parents: The directories that this one lies in, by the links that were followed.
  private mutating func list(
    _ directory: FilePath, relative: FilePath, weights: Set<String>,
    within parents: [FileStatus.Identity]
  ) throws(CheckpointError) {
    guard parents.count <= Self.depthMax else {
      throw CheckpointError(directory, .tooDeep(limit: Self.depthMax))
    }
    directoryCount += 1
    guard directoryCount <= Self.directoryCountMax else {
      throw CheckpointError(directory, .tooManyDirectories(limit: Self.directoryCountMax))
    }
    guard let identity = try Self.status(of: directory)?.identity else {
      throw CheckpointError(directory, .absent)
    }
    if parents.contains(identity) {
      skipped.append(relative)
      return
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
      case .directory, .symbolicLink:
        let target = try Self.status(of: entry.path)?.kind
        if target == .regular {
          add(place, name, weights: weights)
        } else if target == .directory, name != ".git", name != ".cache" {
          try list(entry.path, relative: place, weights: [], within: parents + [identity])
        } else {
          skipped.append(place)
        }
      case .special: skipped.append(place)
      }
    }
  }

  /// What a path leads to; nil for a link to nothing, or to itself.
  private static func status(of path: FilePath) throws(CheckpointError) -> FileStatus? {
    do { return try path.status() } catch {
      if error.errno == .tooManySymbolicLinkLevels { return nil }
      throw CheckpointError(path, .system(error))
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
