public import MopzBytes
public import SystemPackage

/// A reason for which a base checkpoint was refused.
public struct CheckpointError: Error, Hashable, Sendable {
  /// What is wrong.
  public enum Reason: Hashable, Sendable {
    /// The operating system refused.
    case system(SystemError)
    /// A weights file was refused.
    case weights(SafetensorsError)
    /// Nothing stands at the path.
    case absent
    /// A directory that holds no weights of a base.
    case noWeights
    /// Several files could be the weights.
    case ambiguousWeights([String])
    /// The weights are those of an adapter.
    case adapter
    /// A JSON file that is none.
    case malformedJSON(JSONError)
    /// A JSON file that lacks something, or has something else there.
    case unexpectedJSON(member: String?, expected: String)
    /// The index names something that is no `.safetensors` file beside it.
    case shardName(String, tensor: String)
    /// The index names a file that is not there.
    case shardAbsent(String)
    /// The index says that a file holds a tensor that it does not hold.
    case tensorAbsent(String, shard: String)
    /// A file holds a tensor that the index does not list.
    case tensorUnlisted(String, shard: String)
    /// A file holds a tensor that the index expects in another, or that another holds too.
    case tensorElsewhere(String, shard: String, other: String)
    /// Directories lie within one another too deep.
    case tooDeep(limit: Int)
    /// There are too many directories, counting each as often as links lead to it.
    case tooManyDirectories(limit: Int)
  }

  /// The file or directory.
  public var path: FilePath
  /// What is wrong.
  public var reason: Reason

  /// Makes an error from its parts.
  public init(_ path: FilePath, _ reason: Reason) {
    self.path = path
    self.reason = reason
  }

  /// The refusal of the operating system, if that is what happened.
  public var systemError: SystemError? {
    switch reason {
    case .system(let error): error
    case .weights(let error): error.systemError
    default: nil
    }
  }
}

extension CheckpointError: CustomStringConvertible {
  /// A lower-case clause such as `"base": the index names "x.safetensors", which is not there`.
  public var description: String {
    let text: String
    switch reason {
    case .system(let error): return error.description
    case .weights(let error): return error.description
    case .absent: text = "nothing is there"
    case .noWeights:
      text = "no model.safetensors, no \(ShardIndex.fileName) and no other .safetensors file"
    case .ambiguousWeights(let names):
      text =
        "several files could be the weights: "
        + names.prefix(4).map(\.quoted).joined(separator: ", ")
        + (names.count > 4 ? " and \(names.count - 4) more" : "")
    case .adapter: text = "the only weights are adapter_model.safetensors, an adapter's"
    case .malformedJSON(let error): text = "no valid JSON: \(error)"
    case .unexpectedJSON(let member, let expected):
      let subject = member.map { "member \($0.quoted)" } ?? "the file"
      text = "\(subject) is not \(expected)"
    case .shardName(let name, let tensor):
      text =
        "tensor \(tensor.quoted) is said to lie in \(name.quoted), "
        + "which is no plain name of a .safetensors file"
    case .shardAbsent(let name): text = "the index names \(name.quoted), which is not there"
    case .tensorAbsent(let name, let shard):
      text = "tensor \(name.quoted) is said to lie in \(shard.quoted), which does not hold it"
    case .tensorUnlisted(let name, let shard):
      text = "\(shard.quoted) holds tensor \(name.quoted), which the index does not list"
    case .tensorElsewhere(let name, let shard, let other):
      text = "\(shard.quoted) holds tensor \(name.quoted), which belongs to \(other.quoted)"
    case .tooManyDirectories(let limit): text = "more than \(limit) directories, by links"
    case .tooDeep(let limit): text = "directories within one another deeper than \(limit)"
    }
    return "\(path.string.quoted): \(text)"
  }
}
