public import MopzBytes
import MopzSafetensors

/// An adapter that a source holds, not yet read.
public struct AdapterSource: Sendable {
  /// The name that the task will have.
  public var name: String
  /// Where it is, for messages.
  public var location: String
  /// What was seen on the way: files that are not carried.
  public var findings: [Finding]
  let content: Content

  enum Content: Sendable {
    /// A weights file, and the configuration beside it.
    case files(weights: SourceNode, config: SourceNode?)
    /// A task of a container.
    case task(ContainerTask)
  }

  /// Reads the adapter.
  ///
  /// - Throws: ``ConversionError`` if a file is damaged, or the files contradict
  ///   themselves.
  /// - Complexity: O(tensors); elements are not touched.
  public func imported() throws(ConversionError) -> ImportedAdapter {
    switch content {
    case .task(let task):
      return ImportedAdapter(
        adapter: try task.adapter(named: name), findings: findings, location: location)
    case .files(let weights, let config):
      let contents = try contents(weights, config)
      var imported = try ConversionError.refusing { () throws(Refusal) in
        try contents.imported()
      }
      imported.findings = findings + imported.findings
      return imported
    }
  }

  private func contents(
    _ weights: SourceNode, _ config: SourceNode?
  ) throws(ConversionError) -> AdapterFiles {
    let file: SafetensorsFile
    let bytes = try weights.bytes()
    do throws(SafetensorsError) {
      file = try SafetensorsFile(bytes: bytes, name: weights.location)
    } catch {
      throw .safetensors(error)
    }
    var contents = AdapterFiles(
      name: name, location: location, weights: file, weightsName: weights.name)
    if let config {
      let bytes = try config.bytes()
      contents.config = try ConversionError.refusing { () throws(Refusal) in
        try AdapterFiles.Config(name: config.name, bytes: bytes, subject: name)
      }
    }
    return contents
  }
}
