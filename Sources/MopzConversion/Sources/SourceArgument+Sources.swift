import MopzAdapters
import MopzBytes
import SystemPackage

extension SourceArgument {
  /// Reads an argument against the file system.
  ///
  /// - Throws: ``ConversionError``.
  public init(_ text: String) throws(ConversionError) {
    do throws(Refusal) {
      try self.init(text) { path in (try? path.exists()) == true }
    } catch {
      throw .refused(error)
    }
  }

  /// The adapters that the source holds, in the order of their names.
  ///
  /// - Throws: ``ConversionError`` if there is none, or something that may be one
  ///   cannot be read.
  /// - Complexity: O(names); weights are not opened.
  public func sources() throws(ConversionError) -> [AdapterSource] {
    let path = self.path
    guard let status = try ConversionError.system({ () throws(SystemError) in try path.status() })
    else {
      throw .system(
        SystemError(operation: "open", path: path, errno: .noSuchFileOrDirectory))
    }
    var found: [AdapterSource]
    switch status.kind {
    case .directory:
      let name = try ownName()
      found = try SourceDiscovery().adapters(
        in: SourceFolder(directory: path, name: name), named: self.name ?? name)
    case .regular: found = try file()
    case .symbolicLink, .special:
      throw .refused(
        Refusal(.source, path.string, "is neither a file nor a directory"))
    }
    if let name, found.count == 1 { found[0].name = name }
    if let name, found.count > 1 {
      throw .refused(
        Refusal(
          .taskName, path.string,
          "holds \(found.count) adapters, so \(name.quoted) cannot be the name of one; "
            + "leave the name away, or give the adapters one by one"))
    }
    for source in found {
      try ConversionError.refusing { () throws(Refusal) in try TaskName.validate(source.name) }
    }
    return found
  }

  /// The last component of the path, links and `..` resolved.
  private func ownName() throws(ConversionError) -> String {
    let path = self.path
    let resolved = try ConversionError.system { () throws(SystemError) in try path.resolved() }
    let component = path.lastComponent.flatMap { $0.kind == .regular ? $0 : nil }
    return (component ?? resolved.lastComponent)?.string ?? resolved.string
  }

  /// The adapters of a file.
  private func file() throws(ConversionError) -> [AdapterSource] {
    let name = path.lastComponent?.string ?? path.string
    let node = SourceNode(name: name, location: path.string, content: .file(.path(path)))
    if ArchiveSource.isArchive(name) {
      let folder = try ArchiveSource.folder(of: path, name: TaskName.stem(ofFile: name))
      return try SourceDiscovery().adapters(
        in: folder, named: self.name ?? TaskName.stem(ofFile: name))
    }
    if node.isContainer { return try ContainerTask.sources(in: node) }
    if node.isPickle { throw .refused(Refusal.pickle(path.string, file: name)) }
    for (ending, what) in [(".gguf", "GGUF"), (".npz", "NumPy"), (".nemo", "NeMo")]
    where name.lowercased().hasSuffix(ending) {
      throw .refused(
        Refusal(.source, path.string, "is a \(what) file, which this version does not read"))
    }
    var source = AdapterSource(
      name: self.name ?? TaskName.stem(ofFile: name), location: path.string, findings: [],
      content: .files(weights: node, config: nil))
    let config = path.removingLastComponent().appending("adapter_config.json")
    if (try? config.isRegularFile()) == true {
      source.findings.append(
        Refusal(
          .notCarried, source.name,
          "\(config.string.quoted) lies beside the weights and is not read; "
            + "give the directory to use it"
        ).finding(.warning))
    }
    return [source]
  }
}

extension [SourceArgument] {
  /// The adapters of all sources, in the order of their names.
  ///
  /// - Throws: ``ConversionError`` as ``SourceArgument/sources()``, and if two
  ///   adapters have one name.
  public func sources() throws(ConversionError) -> [AdapterSource] {
    var found: [AdapterSource] = []
    var locations: [ExactName: String] = [:]
    for argument in self {
      for source in try argument.sources() {
        if let earlier = locations.updateValue(source.location, forKey: ExactName(source.name)) {
          throw .refused(
            Refusal(
              .taskName, source.name,
              "is the name of two adapters, \(earlier.quoted) and \(source.location.quoted); "
                + "give one of them another as NAME=PATH"))
        }
        found.append(source)
      }
    }
    return found.sorted { ExactName($0.name) < ExactName($1.name) }
  }
}
