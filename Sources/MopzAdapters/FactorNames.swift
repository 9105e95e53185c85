public import MopzBytes

/// How a source names its factors: one rule for all modules.
///
/// ```swift
/// let names = FactorNames(pattern: "base_model.model.*.lora_A.weight")
/// names?.up(of: "model.layers.0.self_attn.q_proj", .linear)
/// ```
public struct FactorNames: Hashable, Sendable {
  /// The name of A, with `*` for the module's path.
  public let pattern: String
  private let prefix: String
  private let suffix: String
  private let style: Style

  private struct Style: Hashable, Sendable {
    var down: String
    var up: String
    var embeddingDown: String
    var embeddingUp: String
  }

  private static let styles = [
    Style(
      down: ".lora_A", up: ".lora_B", embeddingDown: ".lora_embedding_A",
      embeddingUp: ".lora_embedding_B"),
    Style(
      down: ".lora_down", up: ".lora_up", embeddingDown: ".lora_down", embeddingUp: ".lora_up"),
  ]

  /// Reads a pattern.
  ///
  /// - Returns: nil unless there is one `*`, and after it the component `lora_A` or
  ///   `lora_down`.
  public init?(pattern: String) {
    let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    let suffix = String(parts[1])
    guard let style = Self.styles.first(where: { suffix.hasPrefix($0.down) }) else { return nil }
    let tail = suffix.dropFirst(style.down.count)
    guard tail.isEmpty || tail.hasPrefix(".") else { return nil }
    self.pattern = pattern
    prefix = String(parts[0])
    self.suffix = String(tail)
    self.style = style
  }

  /// What comes before a module's path.
  public var modulePrefix: String { prefix }

  /// Whether the names are those of kohya, who keeps alpha in a tensor of every module.
  public var isKohya: Bool { style.down == ".lora_down" }

  /// The name of A of a module.
  public func down(of module: String, _ layout: Layout) -> String {
    name(module, layout, style.down, style.embeddingDown)
  }

  /// The name of B of a module.
  public func up(of module: String, _ layout: Layout) -> String {
    name(module, layout, style.up, style.embeddingUp)
  }

  /// The name of the tensor that holds a module's alpha, where a source has one.
  public func alpha(of module: String) -> String { prefix + module + ".alpha" }

  /// Whether a name is that of one of some modules' own tensors, such as an alpha or a gate.
  public func isName(_ tensor: String, ofAny modules: Set<ExactName>) -> Bool {
    guard tensor.hasPrefix(prefix), let dot = tensor.lastIndex(of: "."),
      tensor.index(tensor.startIndex, offsetBy: prefix.count) < dot
    else { return false }
    return modules.contains(ExactName(String(tensor[..<dot].dropFirst(prefix.count))))
  }

  private func name(
    _ module: String, _ layout: Layout, _ linear: String, _ embedding: String
  ) -> String {
    guard layout == .embedding, linear != embedding else {
      return prefix + module + linear + suffix
    }
    // An embedding's factors are parameters of the wrapper, without `.weight`.
    let tail = suffix.hasSuffix(".weight") ? String(suffix.dropLast(7)) : suffix
    return prefix + module + embedding + tail
  }
}

extension Adapter {
  /// The one rule that gives the names of all factors that are source tensors; nil if
  /// there is none.
  ///
  /// - Complexity: O(tensors).
  public var factorNames: FactorNames? {
    var tensors: [Int: String] = [:]
    for tensor in sourceTensors where tensor.disposition == .consumed {
      guard case .block(let block) = tensor.content else { continue }
      tensors[block] = tensor.name
    }
    func name(ofFactor factor: Int) -> String? {
      if let tensor = sourceTensors.first(where: { $0.content == .factor(factor) }) {
        return tensor.name
      }
      let ranges = pools[factors[factor].pool].ranges
      return ranges.count == 1 ? tensors[ranges[0].block] : nil
    }
    var rule: FactorNames?
    for target in targets {
      for term in target.terms {
        guard let down = name(ofFactor: term.down), let up = name(ofFactor: term.up) else {
          return nil
        }
        if rule == nil { rule = Self.rule(down, of: target) }
        guard let rule, rule.down(of: target.module, target.layout) == down,
          rule.up(of: target.module, target.layout) == up
        else { return nil }
      }
    }
    return rule
  }

  /// The rule that gives one name of A.
  private static func rule(_ name: String, of target: TargetUpdate) -> FactorNames? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let components = ["lora_A", "lora_down", "lora_embedding_A"]
    guard let place = parts.lastIndex(where: components.contains) else { return nil }
    let head = parts[..<place].joined(separator: ".")
    guard !target.module.isEmpty, head.hasSuffix(target.module) else { return nil }
    var tail = parts[place...].joined(separator: ".")
    if parts[place] == "lora_embedding_A" {
      tail = (["lora_A"] + parts[(place + 1)...] + ["weight"]).joined(separator: ".")
    }
    return FactorNames(pattern: head.dropLast(target.module.count) + "*." + tail)
  }
}
