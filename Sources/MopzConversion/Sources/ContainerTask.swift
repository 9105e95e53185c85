import MopzAdapters
import MopzBytes

/// A task of a container as a source.
struct ContainerTask: Sendable {
  /// The adapter, under another name if the source was given one.
  func adapter(named name: String) throws(ConversionError) -> Adapter {
    throw .refused(Refusal(.source, name, "containers are not read yet"))
  }

  /// The tasks of a container.
  static func sources(in node: SourceNode) throws(ConversionError) -> [AdapterSource] {
    throw .refused(Refusal(.source, node.location, "containers are not read yet"))
  }
}
