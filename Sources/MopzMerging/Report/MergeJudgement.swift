import MopzBytes
import MopzTensors

/// Judges what was measured: how much of the update is in the weights.
struct MergeJudgement {
  /// The survival over all touched tensors outside of which a merge is refused.
  static let acceptable = 0.9...1.1
  /// The survival over all touched tensors outside of which a merge is warned of.
  static let expected = 0.98...1.02
  /// The survival in one tensor below which a merge is refused.
  static let tensorMinimum = 0.5

  private(set) var verdict = MergeReport.Verdict.merged
  private(set) var findings: [Finding] = []

  /// - Parameters:
  ///   - overflowed: Tensors without an update that overflowed in conversion.
  init(
    _ tensors: [TensorMeasure], total: TensorMeasure, overflowed: [String], options: MergeOptions
  ) {
    judgeOverflow(tensors, overflowed, options)
    judgeFiniteness(tensors)
    judgeSurvival(tensors, total, options)
  }

  private mutating func judgeOverflow(
    _ tensors: [TensorMeasure], _ others: [String], _ options: MergeOptions
  ) {
    let touched = tensors.filter { $0.sums.overflowed > 0 }.map { ($0.name, $0.dtype) }
    let converted = options.dtype?.code ?? ""
    for (name, type) in touched + others.map({ ($0, converted) }) {
      let wider = Self.widerRange(than: type)
      findings.append(
        Finding(
          severity: .error, rule: "OVERFLOW", where: name,
          message: "values that are finite in the base become infinite or NaN; "
            + (wider.isEmpty
              ? "no wider type can be written, so apply the adapter with a smaller scale"
              : "write another type with --dtype \(wider)")))
      verdict = .refused
    }
  }

  /// A value that is not finite in the base would hide what became of the update.
  private mutating func judgeFiniteness(_ tensors: [TensorMeasure]) {
    for tensor in tensors where tensor.sums.nonfinite > tensor.sums.overflowed {
      findings.append(
        Finding(
          severity: .error, rule: "FINITE", where: tensor.name,
          message: "\(tensor.sums.nonfinite - tensor.sums.overflowed) elements are not finite in "
            + "the base, so the update cannot be measured; repair the base"))
      verdict = .refused
    }
  }

  private mutating func judgeSurvival(
    _ tensors: [TensorMeasure], _ total: TensorMeasure, _ options: MergeOptions
  ) {
    var isLossy = false
    let severity: Finding.Severity = options.allowsLoss ? .warning : .error
    if let survival = total.survival, !Self.expected.contains(survival) {
      let isRefused = !Self.acceptable.contains(survival)
      isLossy = isRefused
      let range = isRefused ? Self.acceptable : Self.expected
      let types = tensors.filter { $0.survival != nil }.map(\.dtype)
      let type = ["BF16", "F16"].first { types.contains($0) } ?? ""
      findings.append(
        Finding(
          severity: isRefused ? severity : .warning, rule: "SURVIVAL", where: "all touched tensors",
          message: "\(percent(survival)) of the update survives rounding, expected is "
            + "\(percent(range.lowerBound)) to \(percent(range.upperBound)); "
            + Self.remedy(for: type)))
    }
    for tensor in tensors {
      guard let survival = tensor.survival, survival < Self.tensorMinimum else { continue }
      isLossy = true
      findings.append(
        Finding(
          severity: severity, rule: "SURVIVAL", where: tensor.name,
          message: "\(percent(survival)) of its update survives rounding, at least "
            + "\(percent(Self.tensorMinimum)) must; " + Self.remedy(for: tensor.dtype)))
    }
    if isLossy, verdict == .merged { verdict = options.allowsLoss ? .lossy : .refused }
  }

  /// What keeps more of an update than a type does.
  private static func remedy(for type: String) -> String {
    let apart = "keep the adapter apart from the base"
    return switch type {
    case "BF16": "write the result with --dtype f16 or f32, or \(apart)"
    case "F16": "write the result with --dtype f32, or \(apart)"
    default: apart
    }
  }

  /// The values of `--dtype` that hold larger numbers than a type.
  private static func widerRange(than type: String) -> String {
    switch type {
    case "F16": "bf16 or f32"
    case "BF16": "f32"
    default: ""
    }
  }

  /// A share as per cent with one decimal.
  private func percent(_ share: Double) -> String {
    guard share.magnitude < 1e6 else { return "\(share * 100) %" }
    let tenths = Int((share * 1000).rounded())
    return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10) %"
  }
}
