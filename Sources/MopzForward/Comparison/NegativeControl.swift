import MopzBinding
import MopzSafetensors

/// A merge that is wrong on purpose, which a verification has to reject.
///
/// A check that never fails shows nothing. These run the same comparison with one thing wrong.
public enum NegativeControl: String, Hashable, Sendable, CaseIterable {
  /// The base itself in place of the merge.
  case zeroed = "adapter zeroed"
  /// Half the adapter's scale.
  case halved = "scale halved"
  /// Twice the adapter's scale.
  case doubled = "scale doubled"
  /// A base whose adapted weights are a sixteenth larger.
  case wrongBase = "another base"

  /// Whether the adapters have something that the control changes.
  func applies(to binding: Binding) -> Bool {
    switch self {
    case .zeroed, .wrongBase: true
    case .halved, .doubled: binding.targets.contains { !$0.terms.isEmpty }
    }
  }

  func variant(
    of binding: Binding, base: ModelVariant, typesOf types: Checkpoint?
  ) -> ModelVariant {
    var variant = ModelVariant(idealMergeOf: binding, typesOf: types)
    switch self {
    case .zeroed: return base
    case .halved: variant.alteration.termFactor = 0.5
    case .doubled: variant.alteration.termFactor = 2
    case .wrongBase: variant.alteration.weightFactor = 1.0625
    }
    return variant
  }
}

extension ForwardVerification {
  /// Runs the comparison once for each control.
  ///
  /// - Returns: The controls that apply with their reports, none of which should pass.
  /// - Throws: ``ForwardError``.
  public func negativeControls(
    progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
  ) throws(ForwardError) -> [(control: NegativeControl, report: ForwardReport)] {
    var results: [(control: NegativeControl, report: ForwardReport)] = []
    for control in NegativeControl.allCases where control.applies(to: binding) {
      var verification = self
      verification.control = control
      results.append((control, try verification.run(progress: progress)))
    }
    return results
  }
}
