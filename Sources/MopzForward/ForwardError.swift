public import MopzBinding
public import MopzBytes
public import MopzTensors

/// A reason for which a forward pass cannot be run.
public enum ForwardError: Error, Hashable, Sendable {
  /// The base has no configuration, or names an architecture that this module does not know.
  case unknownArchitecture(String?)
  /// The configuration asks for something that this module does not compute.
  case unsupported(member: String, found: String)
  /// A member of the configuration is absent or no usable value.
  case config(member: String, expected: String)
  /// The base lacks a tensor that its configuration asks for.
  case tensorAbsent(String)
  /// A tensor has not the shape that the configuration asks for.
  case shape(tensor: String, expected: Shape, found: Shape)
  /// The elements of a tensor cannot be computed with.
  case dtype(tensor: String, found: DType)
  /// The tokens cannot be used.
  case tokens(TokenError)
  /// An adapter cannot be applied.
  case binding(BindingError)
  /// An adapter's update cannot be applied to activations.
  case update(target: String, reason: String)
  /// The user asked to stop.
  case interrupted(Interrupted)
}

extension ForwardError: CustomStringConvertible {
  /// The file or the tensor that it is about.
  public var place: String {
    switch self {
    case .unknownArchitecture, .unsupported, .config: "config.json"
    case .tensorAbsent(let name), .shape(let name, _, _), .dtype(let name, _),
      .update(let name, _):
      "tensor \(name.quoted)"
    case .tokens(let error): error.place
    case .binding(let error): error.place
    case .interrupted: "command line"
    }
  }

  /// A lower-case clause.
  public var description: String {
    switch self {
    case .unknownArchitecture(let type?):
      "model type \(type.quoted) has no description for a forward pass"
    case .unknownArchitecture(nil): "the base has no config.json that names its model type"
    case .unsupported(let member, let found):
      "config.json: \(member.quoted) is \(found), which the forward pass does not compute"
    case .config(let member, let expected): "config.json: \(member.quoted) must be \(expected)"
    case .tensorAbsent(let name): "the base has no tensor \(name.quoted), which the model needs"
    case .shape(let tensor, let expected, let found):
      "tensor \(tensor.quoted) has shape \(found), but config.json asks for \(expected)"
    case .dtype(let tensor, let found):
      "tensor \(tensor.quoted) is \(found.code), which is no type to compute with"
    case .tokens(let error): error.description
    case .binding(let error): error.description
    case .update(let target, let reason): "update of \(target.quoted): \(reason)"
    case .interrupted(let error): error.description
    }
  }
}
