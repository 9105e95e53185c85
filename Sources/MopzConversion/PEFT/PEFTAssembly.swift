import MopzAdapters
import MopzBytes
import MopzTensors

/// Turns the tensors of a PEFT LoRA into updates, module by module.
struct PEFTAssembly {
  /// Where the multiplier of a module comes from.
  enum ScalingSource {
    /// The configuration.
    case config
    /// Tensors called `X.alpha`, by module; where there is none, alpha is the rank.
    case alphaTensors
    /// Nothing says it: alpha is taken to be the rank.
    case assumed
  }

  var builder: AdapterBuilder
  let config: PEFTConfig?
  let scaling: ScalingSource
  private let modules: [PEFTModule]
  var hasMagnitude = false
  var hasShards = false
  var ambiguousModules: [String] = []
  /// The alphas that tensors give, by module.
  var alphas: [ExactName: Double] = [:]

  /// Sorts the tensors by module.
  ///
  /// - Parameters:
  ///   - config: What the configuration says; nil where there is none.
  ///   - component: A component that all names begin with and no module path has.
  init(
    _ contents: AdapterFiles, config: PEFTConfig?, scaling: ScalingSource,
    component: String? = nil
  ) throws(Refusal) {
    builder = AdapterBuilder(contents, kind: .lora)
    self.config = config
    self.scaling = scaling
    modules = try PEFTModule.modules(of: builder, droppingComponent: component)
    if let config, !config.canMatch(modulePaths: modules.lazy.map(\.path)) {
      throw builder.refusal(
        .config,
        "rank_pattern and alpha_pattern have too many or too large keys for "
          + "\(modules.count) modules")
    }
  }

  /// The adapter in canonical form.
  consuming func imported() throws(Refusal) -> ImportedAdapter {
    guard !modules.contains(where: { isGrouped($0) }) else {
      builder.setKind(AdapterKind(rawValue: "lora-grouped-convolution"))
      return try builder.finishOpaque()
    }
    let publicCounts = try publicShardCounts(modules)
    for module in modules {
      for copy in module.originals { try builder.assign(copy, .redundant) }
      let rest = try takeAlpha(of: module)
      try addReplacements(rest, of: module)
      try addTokenRows(of: module)
      if let tensors = ShardedPair.Tensors(module) {
        try addShards(tensors, of: module, publicCounts: publicCounts)
      } else {
        try addLowRank(of: module)
      }
    }
    noteCopies()
    if !ambiguousModules.isEmpty {
      builder.note(
        .warning, .scaling,
        "several alpha_pattern keys match \(ambiguousModules.count) modules, such as "
          + "\(ambiguousModules[0].quoted), and the file's order need not be the one of training; "
          + "the first in the file is used")
    }
    if hasShards { builder.setKind(.mixtureOfShards) }
    if hasMagnitude { builder.setKind(.dora) }
    return try builder.finish()
  }

  private func isGrouped(_ module: PEFTModule) -> Bool {
    guard let down = module[.down], let up = module[.up] else { return false }
    let pair = try? LowRankPair(down: down, up: up, in: builder)
    return pair?.isGrouped == true
  }

  private mutating func noteCopies() {
    let copies = modules.reduce(0) { $0 + $1.originals.count }
    guard copies > 0 else { return }
    builder.note(
      .note, .coverage,
      "\(copies) tensors are the wrapper's copies of the base (original_module) and have no effect")
  }
}
