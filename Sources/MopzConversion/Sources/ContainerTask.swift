import MopzAdapters
import MopzBytes
import MopzContainer

/// A task of a container as a source.
struct ContainerTask: Sendable {
  private let container: Container
  private let index: Int
  /// Where the container is.
  private let location: String

  /// The adapter, under another name if the source was given one.
  ///
  /// - Throws: ``ConversionError`` if the task's record or one of its blocks is damaged:
  ///   what is read here is written again under new hashes.
  /// - Complexity: O(bytes of the task).
  func adapter(named name: String) throws(ConversionError) -> Adapter {
    do throws(ContainerError) {
      let task = try container.task(at: index)
      try task.verifyBlocks()
      var adapter = try task.adapter()
      adapter.name = name
      return adapter
    } catch {
      throw ConversionError(error, in: location)
    }
  }

  /// The tasks of a container.
  ///
  /// - Throws: ``ConversionError`` if the container cannot be opened, or has none.
  static func sources(in node: SourceNode) throws(ConversionError) -> [AdapterSource] {
    let bytes = try node.bytes()
    do throws(ContainerError) {
      let container = try Container(bytes: bytes)
      var sources: [AdapterSource] = []
      for index in 0..<container.taskCount {
        let name = try container.taskName(at: index)
        sources.append(
          AdapterSource(
            name: name, location: "\(node.location)#\(name)", findings: [],
            content: .task(
              ContainerTask(container: container, index: index, location: node.location))))
      }
      if !sources.isEmpty { sources[0].findings = container.findings }
      return sources
    } catch {
      throw ConversionError(error, in: node.location)
    }
  }
}
