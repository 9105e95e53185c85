import MopzAdapters
import MopzBytes

/// Where loaders of a plain LoRA find alpha.
enum AlphaCarrier: Hashable {
  /// In `adapter_config.json`, or in the metadata `lora_adapter_metadata`.
  case fields
  /// In a tensor of every module.
  case tensors
  /// Nowhere: alpha is taken to be the rank.
  case none

  /// Where an export of a task keeps alpha.
  init(of adapter: Adapter) {
    let isKohya = adapter.fitRecord.flatMap { FactorNames(pattern: $0.names) }?.isKohya == true
    let hasConfig = adapter.files.contains { $0.role == .config }
    let hasAlphaTensors = adapter.properties.contains {
      $0.key == "scaling.source" && $0.value == "alpha tensors"
    }
    if isKohya {
      self = .tensors
    } else if hasConfig || LoRAFields.metadata(of: adapter) != nil {
      self = .fields
    } else {
      self = hasAlphaTensors ? .tensors : .none
    }
  }

  /// The alpha that stands for a multiplier, and the multiplier that a loader gets from it.
  func alpha(scale: Double, rank: Int) -> (alpha: Double, multiplier: Double) {
    let rank = Double(rank)
    switch self {
    case .fields:
      // Of the numbers beside the product one as a rule gives the multiplier back exactly.
      let product = scale * rank
      let candidates = [product, product.nextUp, product.nextDown]
      let alpha = candidates.first { $0 / rank == scale } ?? product
      return (alpha, alpha / rank)
    case .tensors:
      let alpha = Double(Float(scale * rank))
      return (alpha, alpha / rank)
    case .none: return (rank, 1)
    }
  }
}

/// The fields of a LoRA's configuration that say ranks and alphas.
///
/// Everything else stays as it is, in its place and its spelling.
struct LoRAFields {
  /// What comes before every key, such as `transformer.`; empty in `adapter_config.json`.
  var prefix = ""

  /// The metadata that holds the fields, as the writer of diffusion pipelines keeps them.
  static let metadataKey = "lora_adapter_metadata"

  /// The metadata of the weights file that holds the fields, parsed; nil if there is none.
  static func metadata(of adapter: Adapter) -> JSON? {
    let file = adapter.files.first { $0.role == .weights }
    let text = file?.metadata?.first { $0.key == metadataKey }?.value
    return text.flatMap { try? JSON(parsing: $0) }.flatMap { $0.objectValue == nil ? nil : $0 }
  }

  /// The fields with ranks and alphas of modules.
  ///
  /// The rank and the alpha that most modules have are the general ones; the others are
  /// named in the patterns, longer paths first, since a shorter one may be the end of a longer.
  func setting(_ modules: [PlainAdapter.Module], in fields: JSON) -> JSON {
    var result = fields
    let rank = Self.most(modules.map(\.rank)) ?? 1
    let alpha = Self.most(modules.map(\.alpha)) ?? 1
    let byLength = modules.sorted { $0.path.utf8.count > $1.path.utf8.count }
    var (ranks, alphas) = (JSONObject(), JSONObject())
    for module in byLength where module.rank != rank { ranks[module.path] = JSON(module.rank) }
    for module in byLength where module.alpha != alpha {
      alphas[module.path] = Self.number(module.alpha)
    }
    result[prefix + "r"] = JSON(rank)
    result[prefix + "lora_alpha"] = Self.number(alpha)
    result[prefix + "rank_pattern"] = .object(ranks)
    result[prefix + "alpha_pattern"] = .object(alphas)
    if result[prefix + "use_rslora"] != nil { result[prefix + "use_rslora"] = false }
    return result
  }

  /// The commonest value; of several the one that comes first.
  private static func most<Value: Hashable>(_ values: [Value]) -> Value? {
    var counts: [Value: Int] = [:]
    for value in values { counts[value, default: 0] += 1 }
    let greatest = counts.values.max()
    return values.first { counts[$0] == greatest }
  }

  /// A whole number without a fraction, as configurations have it.
  private static func number(_ value: Double) -> JSON {
    Int(exactly: value).map { JSON($0) } ?? JSON(value)
  }
}
