public import MopzBytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a comparison says of a merge, with the reasons.
///
/// A fixed limit tells nothing: half the scale gives a residual of half the effect, and an honest
/// rounding to bf16 can give nearly as much. So a merge is measured by the ideal one. Each rule
/// that is broken is a reason; what each of them alone finds is said at its case.
public struct ForwardVerdict: Hashable, Sendable {
  /// The rules that a merge has to keep.
  public enum Rule: String, Hashable, Sendable, CaseIterable {
    /// Every output is finite.
    case finite
    /// The effect is above the noise floor: otherwise there is nothing to be right about.
    case effect
    /// The residual is below the effect: otherwise the base would be at least as close.
    case base
    /// The residual is at most ``idealFactor`` of the ideal merge's, and the noise floor.
    case ideal
    /// The deviation, the distance between the merge and the ideal one, is at most
    /// ``deviationFactor`` of the ideal merge's residual, and the noise floor.
    ///
    /// Rounding does the same to both, so this sees a fault that hides behind rounding: where
    /// that alone costs a share ρ of the effect, half the scale gives a residual of
    /// `√(0.5² + ρ²)`, which `ideal` lets pass from ρ = 0.45 on, but a deviation of 0.5.
    case deviation
    /// The gain `⟨merged − base, adapted − base⟩ / ⟨adapted − base, adapted − base⟩` is at least
    /// ``gainMin``, however good the merge is beside the ideal one.
    ///
    /// An update that rounding erased is missing from the ideal merge as well, so that only this
    /// rule and `base` can find it; and `base` does not as long as some of it survived.
    case survival
  }

  /// A rule that is broken, and how.
  public struct Failure: Hashable, Sendable {
    /// The rule.
    public let rule: Rule
    /// A clause with the numbers.
    public let reason: String
  }

  /// The numbers that decide, all of them distances over the outputs.
  struct Numbers: Hashable, Sendable {
    var effect: Double
    var residual: Double
    var idealResidual: Double
    var noiseFloor: Double
    /// The distance between the merge and the ideal one.
    var deviation: Double
    /// The share of the effect that the merge has.
    var gain: Double?
    var isFinite = true
  }

  /// How much further than the ideal merge a merge may be.
  static let idealFactor = 1.5
  /// How far from the ideal merge a merge may be, beside what that one's rounding costs.
  static let deviationFactor = 0.5
  /// The least share of the effect that rounding may leave.
  static let gainMin = 0.5

  /// The rules that are broken; none if the merge passes.
  public let failures: [Failure]

  /// The reasons for a failure; none if the merge passes.
  public var reasons: [String] { failures.map(\.reason) }

  /// Whether the merge passes.
  public var isPassing: Bool { failures.isEmpty }

  init(_ numbers: Numbers) {
    var failures: [Failure] = []
    func fail(_ rule: Rule, _ reason: String) {
      failures.append(Failure(rule: rule, reason: reason))
    }
    let limit = Self.idealFactor * numbers.idealResidual + numbers.noiseFloor
    if !numbers.isFinite { fail(.finite, "an output is not finite") }
    if !(numbers.effect > numbers.noiseFloor) {
      fail(
        .effect,
        "the adapter has no measurable effect: \(brief(numbers.effect)) beside a noise floor of "
          + brief(numbers.noiseFloor))
    } else {
      let share = numbers.residual / numbers.effect
      if !(share < 1) {
        fail(
          .base,
          "the base is at least as close to the adapted model: residual / effect is \(brief(share))"
        )
      }
      if let gain = numbers.gain, !(gain >= Self.gainMin) {
        fail(
          .survival,
          "it has only \(brief(gain)) of the adapter's effect (erased by rounding? merge with "
            + "--dtype f16 or f32, or keep the adapter apart)")
      }
    }
    if !(numbers.residual <= limit) {
      fail(
        .ideal,
        "the residual \(brief(numbers.residual)) exceeds \(brief(limit)), which is "
          + "\(Self.idealFactor) of an ideal merge's and the noise floor")
    }
    let reach = Self.deviationFactor * numbers.idealResidual + numbers.noiseFloor
    if !(numbers.deviation <= reach) {
      fail(
        .deviation,
        "it is \(brief(numbers.deviation)) from an ideal merge, beyond \(brief(reach)), which is "
          + "\(Self.deviationFactor) of what that one's rounding costs and the noise floor "
          + "(another scale, another base, or a part is missing?)")
    }
    self.failures = failures
  }

  /// The reasons as findings.
  public func findings(about place: String) -> [Finding] {
    reasons.map { Finding(severity: .error, rule: "FORWARD", where: place, message: $0) }
  }
}

/// A number with three significant digits.
func brief(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
  let power = pow(10, 2 - log10(value.magnitude).rounded(.down))
  guard power.isFinite, power > 0 else { return "\(value)" }
  return "\((value * power).rounded() / power)"
}
