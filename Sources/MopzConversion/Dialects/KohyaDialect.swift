import MopzAdapters
import MopzBytes
import MopzSafetensors
import MopzTensors

/// kohya's names: `NAME.lora_down.weight`, `NAME.lora_up.weight`, `NAME.alpha`.
///
/// NAME has underscores for the dots of the module's path and cannot be taken apart
/// without the base's own names; it is kept as it is, and binding resolves it.
enum KohyaDialect: Dialect {
  static func recognises(_ contents: AdapterFiles) -> Bool {
    var hasFactors = false
    for name in contents.tensorNames {
      guard let part = Part(name) else { return false }
      hasFactors = hasFactors || part.role == .down
    }
    return hasFactors && !hasMagnitudePerInput(contents)
  }

  /// What a tensor is to its module.
  enum Role: String, Hashable, CaseIterable {
    case down = ".lora_down.weight"
    case up = ".lora_up.weight"
    case alpha = ".alpha"
    case magnitude = ".dora_scale"
  }

  /// A tensor's name, taken apart.
  struct Part {
    var module: String
    var role: Role

    init?(_ name: String) {
      for role in Role.allCases where name.hasSuffix(role.rawValue) {
        module = String(name.dropLast(role.rawValue.count))
        self.role = role
        return
      }
      return nil
    }
  }

  static func importing(_ contents: AdapterFiles) throws(Refusal) -> ImportedAdapter {
    var builder = AdapterBuilder(contents, kind: .lora)
    var modules: [String] = []
    var tensors: [ExactName: [Role: Int]] = [:]
    for index in 0..<builder.tensorCount {
      guard let part = Part(builder.info(index).name) else { continue }
      let module = ExactName(part.module)
      if tensors[module] == nil { modules.append(part.module) }
      tensors[module, default: [:]][part.role] = index
    }
    var withoutAlpha = 0
    for module in modules {
      let roles = tensors[ExactName(module)] ?? [:]
      if roles[.alpha] == nil { withoutAlpha += 1 }
      guard try add(module, roles, to: &builder) else {
        return try OpaqueDialect.importing(contents, tag: "lora-grouped-convolution")
      }
      if roles[.magnitude] != nil { builder.setKind(.dora) }
    }
    builder.record("scaling.source", "alpha tensors; alpha = rank where there is none")
    if withoutAlpha > 0 {
      builder.note(
        .note, .scaling,
        "\(withoutAlpha) of \(modules.count) modules have no alpha; by this dialect's rule alpha "
          + "is then the rank and the scale 1")
    }
    return try builder.finish()
  }

  /// Adds one module.
  ///
  /// - Returns: Whether it has a form; a convolution in groups has none.
  private static func add(
    _ module: String, _ roles: [Role: Int], to builder: inout AdapterBuilder
  ) throws(Refusal) -> Bool {
    guard let down = roles[.down], let up = roles[.up] else {
      let tensor = roles.values.min() ?? 0
      let missing = roles[.down] == nil ? "lora_down" : "lora_up"
      throw builder.refusal(.pair, tensor: tensor, "there is no \(missing) for its module")
    }
    let pair = try LowRankPair(down: down, up: up, in: builder)
    guard !pair.isGrouped else { return false }
    var alpha = Double(pair.rank)
    if let tensor = roles[.alpha] {
      let stored = try builder.scalar(tensor)
      if stored != 0 { alpha = stored }
    }
    var target = TargetUpdate(
      module: module, naming: module.contains(".") ? .dotted : .flattened,
      layout: pair.isConvolution ? .convolution : .linear, kind: .additive,
      terms: [try pair.term(scaling: alpha / Double(pair.rank), in: &builder)])
    if let magnitude = roles[.magnitude] {
      try pair.checkMagnitude(magnitude, in: builder)
      target.kind = .magnitude
      target.operands = [try builder.operand(.magnitude, tensor: magnitude)]
    }
    builder.add(target)
    return true
  }

  /// Whether a magnitude has one number per input, as older versions of LyCORIS wrote it.
  private static func hasMagnitudePerInput(_ contents: AdapterFiles) -> Bool {
    contents.weights.header.tensors.contains { entry in
      guard let part = Part(entry.info.name), part.role == .magnitude,
        let up = contents.weights.header.index(of: part.module + Role.up.rawValue)
      else { return false }
      let outFeatures = contents.weights.header.tensors[up].info.shape.dimensions.first
      return entry.info.shape.dimensions.first != outFeatures
    }
  }
}
