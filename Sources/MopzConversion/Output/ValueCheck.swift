import MopzAdapters
import MopzBytes
import MopzTensors

/// Warns of values that a merge would refuse: not finite, or zero everywhere.
///
/// Conversion loses nothing and so carries them all the same.
enum ValueCheck {
  /// The warnings for one adapter.
  ///
  /// - Complexity: O(bytes of the blocks that the updates use).
  static func findings(of adapter: Adapter) -> [Finding] {
    var scans: [Int: ElementScan] = [:]
    func scan(_ block: Int) -> ElementScan {
      if let known = scans[block] { return known }
      let scan = ElementScan(adapter.blocks[block])
      scans[block] = scan
      return scan
    }
    func blocks(of factor: Int) -> [Int] {
      adapter.pools[adapter.factors[factor].pool].ranges.map(\.block)
    }
    var zeroModules: [String] = []
    var hasEffect = false
    var damaged: [Int] = []
    for target in adapter.targets {
      let isZero = target.terms.allSatisfy { term in
        term.scaling == 0
          || [term.down, term.up].contains { blocks(of: $0).allSatisfy { scan($0).isAllZero } }
      }
      if target.kind == .additive && isZero {
        zeroModules.append(target.module)
      } else {
        hasEffect = true
      }
      let used = target.terms.flatMap { blocks(of: $0.down) + blocks(of: $0.up) }
      damaged += (used + target.operands.map(\.block)).filter { scan($0).hasNonFinite }
    }
    var findings: [Finding] = []
    for block in Set(damaged).sorted().prefix(8) {
      let name = adapter.sourceTensors.first { $0.content == .block(block) }?.name
      findings.append(
        Refusal(
          .values, adapter.name, tensor: name,
          "holds an infinity or a NaN; a merge will refuse it"
        ).finding(.warning))
    }
    if !hasEffect && !adapter.targets.isEmpty {
      findings.append(
        Refusal(.values, adapter.name, "every update is zero; a merge will refuse it")
          .finding(.warning))
    } else if let first = zeroModules.first {
      findings.append(
        Refusal(
          .values, adapter.name,
          "\(zeroModules.count) of \(adapter.targets.count) updates are zero, such as that of "
            + first.quoted
        ).finding(.note))
    }
    return findings
  }
}
