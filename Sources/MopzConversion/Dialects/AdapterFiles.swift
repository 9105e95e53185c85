public import MopzAdapters
public import MopzBytes
public import MopzSafetensors
import MopzTensors

/// The files of one adapter, before anyone knows what they mean.
public struct AdapterFiles: Sendable {
  /// The task's name.
  public var name: String
  /// Where the files are, for messages.
  public var location: String
  /// The tensors.
  public var weights: SafetensorsFile
  /// The weights file's own name, without directories.
  public var weightsName: String
  /// The configuration beside the weights, if there is one.
  public var config: Config?

  /// A configuration: its bytes as they are, and what they say.
  public struct Config: Sendable {
    /// The file's own name, without directories.
    public var name: String
    /// The bytes, verbatim.
    public var bytes: Bytes
    /// The members.
    public var object: JSONObject

    /// Reads a configuration.
    ///
    /// - Throws: ``Refusal`` if the bytes are no JSON object.
    public init(name: String, bytes: Bytes, subject: String) throws(Refusal) {
      let value: JSON
      do throws(JSONError) { value = try JSON(parsing: bytes.span) } catch {
        throw Refusal(.config, subject, "\(name) is no JSON: \(error)")
      }
      guard let object = value.objectValue else {
        throw Refusal(.config, subject, "\(name) must be an object, found \(value.kindName)")
      }
      self.name = name
      self.bytes = bytes
      self.object = object
    }
  }

  /// Makes contents from their parts.
  public init(
    name: String, location: String, weights: SafetensorsFile, weightsName: String,
    config: Config? = nil
  ) {
    self.name = name
    self.location = location
    self.weights = weights
    self.weightsName = weightsName
    self.config = config
  }

  /// The names of the tensors, in the order of their data.
  var tensorNames: some Sequence<String> { weights.header.tensors.lazy.map(\.info.name) }

  /// Whether a tensor's name has a property.
  func hasTensor(where condition: (String) -> Bool) -> Bool {
    tensorNames.contains(where: condition)
  }
}

/// An adapter in canonical form, and what was noticed on the way.
public struct ImportedAdapter: Sendable {
  /// The adapter.
  public var adapter: Adapter
  /// What a user should know: assumptions, copies, files that are not carried.
  public var findings: [Finding]
  /// Where it came from, for messages.
  public var location: String

  /// Makes an imported adapter from its parts.
  public init(adapter: Adapter, findings: [Finding], location: String) {
    self.adapter = adapter
    self.findings = findings
    self.location = location
  }
}
