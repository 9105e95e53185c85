import MopzBytes
import MopzTensors

/// The tensors that belong to one module, by their roles.
struct PEFTModule {
  /// A tensor that replaces a parameter.
  struct Replacement {
    var parameter: String
    var wrapping: PEFTKey.Wrapping
    var tensor: Int
  }

  /// The module's path.
  let path: String
  /// The tensors of factors, magnitude, bias and rows.
  private(set) var factors: [PEFTKey.Role: Int] = [:]
  /// The replaced parameters, in the order of their tensors.
  private(set) var replacements: [Replacement] = []
  /// The copies that wrappers keep.
  private(set) var originals: [Int] = []
  /// Whether the module is an attention whose projections share one parameter.
  var isPackedAttention = false

  init(path: String) { self.path = path }

  /// Whether the module has a tensor of low rank.
  var isAdapted: Bool {
    [.down, .up, .embeddingDown, .embeddingUp].contains { factors[$0] != nil }
  }

  subscript(role: PEFTKey.Role) -> Int? { factors[role] }

  /// Adds a tensor.
  ///
  /// - Returns: The tensor that has the same role already, if there is one.
  mutating func add(_ role: PEFTKey.Role, tensor: Int) -> Int? {
    switch role {
    case .parameter(let parameter, let wrapping):
      replacements.append(Replacement(parameter: parameter, wrapping: wrapping, tensor: tensor))
    case .original:
      originals.append(tensor)
    default:
      if let earlier = factors[role] { return earlier }
      factors[role] = tensor
    }
    return nil
  }

  /// Sorts all tensors by the modules that their names give.
  ///
  /// - Returns: The modules in the order of their first tensors.
  /// - Throws: ``Refusal`` for a component that no role has, a role that is taken
  ///   twice, and tensors of more than one adapter.
  static func modules(
    of builder: borrowing AdapterBuilder, droppingComponent component: String? = nil
  ) throws(Refusal) -> [PEFTModule] {
    var modules: [PEFTModule] = []
    var positions: [ExactName: Int] = [:]
    var packed: Set<ExactName> = []
    var adapterName: (name: String, tensor: Int)?
    for tensor in 0..<builder.tensorCount {
      let name = builder.info(tensor).name
      let key = PEFTKey(component.map { dropping($0, from: name) } ?? name)
      if case .unknown(let part) = key.role {
        throw builder.refusal(
          .coverage, tensor: tensor, "the component \(part.quoted) is not known; nothing uses it")
      }
      if let leaked = key.adapterName {
        if let earlier = adapterName, earlier.name != leaked {
          throw builder.refusal(
            .coverage, tensor: tensor,
            "belongs to the adapter \(leaked.quoted), and "
              + "\(builder.info(earlier.tensor).name.quoted) to \(earlier.name.quoted); "
              + "one file must hold one adapter")
        }
        adapterName = (leaked, tensor)
      }
      if let attention = key.packedAttention { packed.insert(ExactName(attention)) }
      let position = positions[ExactName(key.module), default: modules.count]
      if position == modules.count {
        positions[ExactName(key.module)] = position
        modules.append(PEFTModule(path: key.module))
      }
      if let earlier = modules[position].add(key.role, tensor: tensor) {
        throw builder.refusal(
          .pair, tensor: tensor,
          "means the same as \(builder.info(earlier).name.quoted)")
      }
    }
    for index in modules.indices where packed.contains(ExactName(modules[index].path)) {
      modules[index].isPackedAttention = true
    }
    return modules
  }

  private static func dropping(_ component: String, from name: String) -> String {
    name.hasPrefix(component + ".") ? String(name.dropFirst(component.count + 1)) : name
  }
}
