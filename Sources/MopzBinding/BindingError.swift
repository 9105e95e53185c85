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
  /// A tensor of the adapter holds an infinity or NaN.
  case notFinite(adapter: String, tensor: String)
  /// A base was recorded with the adapter, and it is another.
  case wrongBase(adapter: String, differences: [String])
  /// A stored table of the adapter is unsound.
  case content(adapter: String, parameter: String, reason: String)
}

extension BindingError: CustomStringConvertible {
  /// A clause that says what, where, what was expected and found, and what to do.
  public var description: String {
    switch self {
    case .noMatch(let adapter, let parameter, let nearest):
      "\(label(adapter)): the base has no tensor \(parameter.quoted)"
        + (nearest.isEmpty ? "" : "; the nearest names are \(list(nearest))")
        + " (was it trained on another base?)"
    case .ambiguous(let adapter, let parameter, let candidates):
      "\(label(adapter)): \(parameter.quoted) may mean \(list(candidates)) of the base"
    case .shapeMismatch(let adapter, let tensor, let shape, _, let baseShape):
      "\(label(adapter)): tensor \(tensor.quoted) has shape \(shape), "
        + "but the base weight is \(baseShape) (was it trained on another base?)"
    case .orientation(let adapter, let tensor, let shape, let base, let baseShape):
      "\(label(adapter)): tensor \(tensor.quoted) of shape \(shape) fits the base weight "
        + "\(base.quoted) \(baseShape) only if that is read the other way round "
        + "(is fan_in_fan_out wrong, or config.json without the right model_type?)"
    case .missingParameter(let adapter, let parameter, let sibling):
      "\(label(adapter)): the base has \(sibling.quoted) but no \(parameter.quoted)"
    case .notMergeable(let adapter, let kind, let reason):
      "\(label(adapter)) of kind \(kind.quoted) cannot be merged: \(reason)"
    case .baseType(let adapter, let base, let dtype):
      "\(label(adapter)): the base weight \(base.quoted) is \(dtype.code); only F64, F32, F16 and "
        + "BF16 can be merged into (use the base before it was quantised)"
    case .unused(let adapter, let tensors):
      "\(label(adapter)): \(counted(tensors.count)) used by no update: \(list(tensors))"
    case .conflict(let adapters, let parameter, let reason):
      "\(adapters.map(label).joined(separator: " and ")): \(parameter.quoted): \(reason)"
    case .scale(let adapter, let parameter, let scale, let reason):
      "\(label(adapter)): \(parameter.quoted) cannot be scaled by \(scale): \(reason)"
    case .noEffect(let adapter, let reason):
      "\(label(adapter)) would change nothing: \(reason)"
    case .notFinite(let adapter, let tensor):
      "\(label(adapter)): tensor \(tensor.quoted) holds infinities or NaN"
    case .wrongBase(let adapter, let differences):
      "\(label(adapter)) was recorded with another base: \(differences.joined(separator: "; "))"
    case .content(let adapter, let parameter, let reason):
      "\(label(adapter)): \(parameter.quoted): \(reason)"
    }
  }

  private func label(_ adapter: String) -> String { "adapter \(adapter.quoted)" }

  private func counted(_ count: Int) -> String {
    count == 1 ? "1 tensor is" : "\(count) tensors are"
  }

  private func list(_ names: [String]) -> String {
    let shown = names.prefix(5).map(\.quoted).joined(separator: ", ")
    return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
  }
}
