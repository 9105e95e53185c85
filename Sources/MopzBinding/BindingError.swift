import MopzBytes
public import MopzTensors

/// A reason for which an adapter cannot be applied to a base.
public enum BindingError: Error, Hashable, Sendable {
  /// No tensor of the base has the name that an update asks for, under any naming rule.
  case noMatch(adapter: String, parameter: String, nearest: [String])
  /// A name fits several tensors of the base, or several naming rules fit the adapter.
  case ambiguous(adapter: String, parameter: String, candidates: [String])
  /// A tensor of the adapter does not fit the base tensor.
  case shapeMismatch(adapter: String, tensor: String, shape: Shape, base: String, baseShape: Shape)
  /// The shapes fit the other orientation than the one that was decided for.
  case orientation(adapter: String, tensor: String, shape: Shape, base: String, baseShape: Shape)
  /// The base has other parameters of the module, but not this one.
  case missingParameter(adapter: String, parameter: String, sibling: String)
  /// The adapter, or one of its updates, cannot be merged at all.
  case notMergeable(adapter: String, kind: String, reason: String)
  /// The base tensor has an element type that cannot be changed.
  case baseType(adapter: String, base: String, dtype: DType)
  /// Tensors of the adapter that no update uses.
  case unused(adapter: String, tensors: [String])
  /// Two updates of one tensor exclude each other.
  case conflict(adapters: [String], parameter: String, reason: String)
  /// A multiplier that has no meaning for the update.
  case scale(adapter: String, parameter: String, scale: Double, reason: String)
  /// The adapter would change nothing.
  case noEffect(adapter: String, reason: String)
  /// The adapters add up to no change at all.
  case cancelled(adapters: [String])
  /// A tensor of the adapter holds an infinity or NaN.
  case notFinite(adapter: String, tensor: String)
  /// A base was recorded with the adapter, and it is another.
  case wrongBase(adapter: String, differences: [String])
  /// A stored table of the adapter is unsound.
  case content(adapter: String, parameter: String, reason: String)
}

extension BindingError: CustomStringConvertible {
  /// One line that says where, what was expected and found, and what to do.
  public var description: String { "\(place): \(message)" }

  /// The adapter, and the tensor or parameter if it is about one.
  public var place: String {
    switch self {
    case .noMatch(let adapter, let name, _), .ambiguous(let adapter, let name, _),
      .missingParameter(let adapter, let name, _), .scale(let adapter, let name, _, _),
      .content(let adapter, let name, _):
      "\(label(adapter)): parameter \(name.quoted)"
    case .shapeMismatch(let adapter, let name, _, _, _),
      .orientation(let adapter, let name, _, _, _),
      .notFinite(let adapter, let name):
      "\(label(adapter)): tensor \(name.quoted)"
    case .baseType(let adapter, let name, _):
      "\(label(adapter)): base weight \(name.quoted)"
    case .conflict(let adapters, let name, _):
      "\(labels(adapters)): parameter \(name.quoted)"
    case .notMergeable(let adapter, let kind, _): "\(label(adapter)) of kind \(kind.quoted)"
    case .noEffect(let adapter, _), .wrongBase(let adapter, _), .unused(let adapter, _):
      label(adapter)
    case .cancelled(let adapters): labels(adapters)
    }
  }

  /// A clause that says what was expected and found, and what to do.
  public var message: String {
    switch self {
    case .noMatch(_, _, let nearest):
      "the base has no such tensor"
        + (nearest.isEmpty ? "" : "; the nearest names are \(list(nearest))")
        + " (was it trained on another base?)"
    case .ambiguous(_, _, let candidates): "it may mean \(list(candidates)) of the base"
    case .shapeMismatch(_, _, let shape, let base, let baseShape):
      "it has shape \(shape), but the base weight \(base.quoted) is \(baseShape) "
        + "(was it trained on another base?)"
    case .orientation(_, _, let shape, let base, let baseShape):
      "its shape \(shape) fits the base weight "
        + "\(base.quoted) \(baseShape) only if that is read the other way round "
        + "(is fan_in_fan_out wrong, or config.json without the right model_type?)"
    case .missingParameter(_, _, let sibling):
      "the base lacks it, although it has \(sibling.quoted)"
    case .notMergeable(_, _, let reason): "it cannot be merged: \(reason)"
    case .baseType(_, _, let dtype):
      "it is \(dtype.code); only F64, F32, F16 and BF16 can be merged into "
        + "(use the base before it was quantised)"
    case .unused(_, let tensors):
      "\(counted(tensors.count)) used by no update: \(list(tensors))"
    case .conflict(_, _, let reason), .content(_, _, let reason): reason
    case .scale(_, _, let scale, let reason): "it cannot be scaled by \(scale): \(reason)"
    case .noEffect(_, let reason): "it would change nothing: \(reason)"
    case .cancelled:
      "together they would change nothing: in every target their updates add up to zero"
    case .notFinite: "it holds infinities or NaN"
    case .wrongBase(_, let differences):
      "it was recorded with another base: \(differences.joined(separator: "; "))"
    }
  }

  private func label(_ adapter: String) -> String { "adapter \(adapter.quoted)" }

  private func labels(_ adapters: [String]) -> String {
    adapters.map(label).joined(separator: " and ")
  }

  private func counted(_ count: Int) -> String {
    count == 1 ? "1 tensor is" : "\(count) tensors are"
  }

  private func list(_ names: [String]) -> String {
    let shown = names.prefix(5).map(\.quoted).joined(separator: ", ")
    return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
  }
}
