import MopzArchives
import MopzBytes
import SystemPackage

/// An archive as a source: its entries as a tree of folders.
enum ArchiveSource {
  /// The deepest nesting of folders.
  static let depthMax = 16

  /// Whether a file's name ends like that of an archive.
  static func isArchive(_ name: String) -> Bool { ArchiveFormat(fileName: name) != nil }

  /// The top level of an archive.
  ///
  /// - Throws: ``ConversionError`` for everything that an archive must not hold.
  static func folder(of path: FilePath, name: String) throws(ConversionError) -> SourceFolder {
    let archive: Archive
    do throws(ArchiveError) { archive = try Archive(opening: path) } catch {
      throw ConversionError(error)
    }
    let entries = archive.entries.map { (path: $0.path, bytes: $0.bytes) }
    return try ConversionError.refusing { () throws(Refusal) in
      try folder(name: name, location: path.string, entries: entries)
    }
  }

  /// Builds the tree of folders from the entries' paths.
  ///
  /// - Parameter entries: Paths that have no empty component and none that climbs.
  static func folder(
    name: String, location: String, entries: [(path: String, bytes: Bytes)]
  ) throws(Refusal) -> SourceFolder {
    let root = Level()
    for entry in entries {
      var level = root
      let components = entry.path.split(separator: "/").map { ExactName(String($0)) }
      guard components.count <= depthMax else {
        throw Refusal(
          .source, location, "the entry \(entry.path.quoted) nests deeper than \(depthMax) folders")
      }
      for component in components.dropLast() { level = level.folder(component) }
      if let last = components.last { level.files[last] = entry.bytes }
    }
    return root.folder(name: name, location: location)
  }

  /// A level that is being filled.
  private final class Level {
    var files: [ExactName: Bytes] = [:]
    private var folders: [ExactName: Level] = [:]

    func folder(_ name: ExactName) -> Level {
      if let existing = folders[name] { return existing }
      let level = Level()
      folders[name] = level
      return level
    }

    func folder(name: String, location: String) -> SourceFolder {
      var nodes: [SourceNode] = []
      for (file, bytes) in files {
        nodes.append(
          SourceNode(
            name: file.string, location: "\(location)/\(file)", content: .file(.memory(bytes))))
      }
      for (folder, level) in folders {
        let inner = level.folder(name: folder.string, location: "\(location)/\(folder)")
        nodes.append(
          SourceNode(name: folder.string, location: inner.location, content: .folder(inner)))
      }
      nodes.sort { ExactName($0.name) < ExactName($1.name) }
      return SourceFolder(name: name, location: location, nodes: nodes)
    }
  }
}
