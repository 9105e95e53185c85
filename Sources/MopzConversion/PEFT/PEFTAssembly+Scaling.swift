import MopzAdapters
import MopzBytes
import MopzTensors

/// Ranks and multipliers, as configuration and tensors give them.
extension PEFTAssembly {
  /// The multiplier of a module, after the tensors' rank was compared with the configuration.
  mutating func scaling(
    of module: PEFTModule, rank: Int, tensor: Int
  ) throws(Refusal) -> Double {
    guard let config else {
      guard case .alphaTensors = scaling, let alpha = alphas[ExactName(module.path)] else {
        return 1
      }
      return alpha / Double(rank)
    }
    let ranks = config.ranks(of: module.path)
    guard ranks.contains(rank) else {
      throw builder.refusal(
        .rank, tensor: tensor,
        "has rank \(rank), but the configuration says rank "
          + ranks.map(String.init).joined(separator: " or "))
    }
    let candidates = config.alphas(of: module.path)
    if candidates.count > 1 { ambiguousModules.append(module.path) }
    if let alpha = alphas[ExactName(module.path)], alpha != candidates[0] {
      throw builder.refusal(
        .contradiction, tensor: tensor,
        "a tensor says alpha \(alpha) for this module, the configuration \(candidates[0])")
    }
    return config.scaling(alpha: candidates[0], rank: rank)
  }

  /// Reads a tensor `X.alpha` of an adapted module.
  ///
  /// - Returns: The replacements that are left.
  mutating func takeAlpha(
    of module: PEFTModule
  ) throws(Refusal) -> [PEFTModule.Replacement] {
    guard module.isAdapted else { return module.replacements }
    var rest: [PEFTModule.Replacement] = []
    for replacement in module.replacements {
      guard replacement.parameter == "alpha",
        builder.info(replacement.tensor).shape.elementCount == 1
      else {
        rest.append(replacement)
        continue
      }
      alphas[ExactName(module.path)] = try builder.scalar(replacement.tensor)
    }
    return rest
  }
}
