import MopzBytes
import SystemPackage

/// A folder of a source: a directory, or a level of an archive.
struct SourceFolder: Sendable {
  /// The folder's own name.
  let name: String
  /// Where it is, for messages.
  let location: String
  private let backing: Backing

  private enum Backing: Sendable {
    case directory(FilePath)
    case level([SourceNode])
  }

  /// A directory of the file system.
  init(directory: FilePath, name: String) {
    self.name = name
    location = directory.string
    backing = .directory(directory)
  }

  /// A level of an archive.
  init(name: String, location: String, nodes: [SourceNode]) {
    self.name = name
    self.location = location
    backing = .level(nodes)
  }

  /// Whether the folder is a level of an archive.
  var isArchived: Bool { if case .level = backing { true } else { false } }

  /// What is in the folder, in the order of the names' bytes.
  ///
  /// Symbolic links of a directory stand for what they point to.
  func nodes() throws(ConversionError) -> [SourceNode] {
    switch backing {
    case .level(let nodes): return nodes
    case .directory(let path):
      return try ConversionError.system { () throws(SystemError) in
        var nodes: [SourceNode] = []
        for entry in try path.directoryEntries() {
          nodes.append(try Self.node(entry))
        }
        return nodes
      }
    }
  }

  private static func node(_ entry: DirectoryEntry) throws(SystemError) -> SourceNode {
    let name = entry.name.string
    var kind: FileStatus.Kind? = entry.kind
    if kind == .symbolicLink { kind = try entry.path.status()?.kind }
    let content: SourceNode.Content =
      switch kind {
      case .regular: .file(.path(entry.path))
      case .directory: .folder(SourceFolder(directory: entry.path, name: name))
      default: .special
      }
    return SourceNode(name: name, location: entry.path.string, content: content)
  }
}

/// A file or folder within a folder.
struct SourceNode: Sendable {
  /// What a node is.
  enum Content: Sendable {
    case file(Origin)
    case folder(SourceFolder)
    /// A device, a pipe, or a link to nothing.
    case special
  }

  /// Where a file's bytes are.
  enum Origin: Sendable {
    case path(FilePath)
    case memory(Bytes)
  }

  /// The node's own name.
  let name: String
  /// Where it is, for messages.
  let location: String
  /// What it is.
  let content: Content

  /// Whether the name begins with a dot, or is what macOS adds to archives.
  var isHidden: Bool { name.hasPrefix(".") || name == "__MACOSX" }

  /// The folder, if it is one.
  var folder: SourceFolder? { if case .folder(let folder) = content { folder } else { nil } }

  /// Whether it is a regular file.
  var isFile: Bool { if case .file = content { true } else { false } }

  /// A file's bytes, mapped where they are in a file.
  ///
  /// - Precondition: ``isFile``.
  func bytes() throws(ConversionError) -> Bytes {
    switch content {
    case .file(.memory(let bytes)): return bytes
    case .file(.path(let path)):
      return try ConversionError.system { () throws(SystemError) in try Bytes(mapping: path) }
    case .folder, .special: preconditionFailure("only a regular file has bytes: \(location)")
    }
  }

  /// Whether the name ends like a file of pickled tensors.
  var isPickle: Bool {
    [".bin", ".pt", ".pth", ".ckpt", ".pkl"].contains { name.lowercased().hasSuffix($0) }
  }

  /// Whether the name ends like a safetensors file.
  var isSafetensors: Bool { name.hasSuffix(".safetensors") }

  /// Whether the name ends like a container.
  var isContainer: Bool { name.hasSuffix(".mopz") }
}
