public import MopzBytes

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a comparison says of a merge, with the reasons.
///
/// A fixed limit tells nothing: half the scale gives a residual of half the effect, and an honest
/// rounding to bf16 can give nearly as much. So a merge is measured by the ideal one.
public struct ForwardVerdict: Hashable, Sendable {
  /// The numbers that decide, all of them distances over the outputs.
  struct Numbers: Hashable, Sendable {
    var effect: Double
    var residual: Double
    var idealResidual: Double
    var noiseFloor: Double
    /// The share of the effect that the merge has, and the one that the ideal merge has.
    var gain: Double?
    var idealGain: Double?
    var isFinite = true
  }

  /// How much further than the ideal merge a merge may be.
  static let idealFactor = 1.5
  /// How much the share of the effect may differ from the ideal merge's.
  static let gainTolerance = 0.2
  /// The least share of the effect that rounding may leave.
  static let gainMin = 0.5

  /// The reasons for a failure; none if the merge passes.
  public let reasons: [String]

  /// Whether the merge passes.
  public var isPassing: Bool { reasons.isEmpty }

  init(_ numbers: Numbers) {
    var reasons: [String] = []
    let limit = Self.idealFactor * numbers.idealResidual + numbers.noiseFloor
    if !numbers.isFinite { reasons.append("an output is not finite") }
    if !(numbers.effect > numbers.noiseFloor) {
      reasons.append(
        "the adapter has no measurable effect: \(brief(numbers.effect)) beside a noise floor of "
          + brief(numbers.noiseFloor))
    } else {
      let share = numbers.residual / numbers.effect
      if !(share < 1) {
        reasons.append(
          "the base is at least as close to the adapted model: residual / effect is \(brief(share))"
        )
      }
      if let gain = numbers.gain, !(gain >= Self.gainMin) {
        reasons.append(
          "it has only \(brief(gain)) of the adapter's effect (erased by rounding? merge with "
            + "--dtype f16 or f32, or keep the adapter apart)")
      }
      if let gain = numbers.gain, let ideal = numbers.idealGain,
        !((gain - ideal).magnitude <= Self.gainTolerance),
        numbers.residual > numbers.noiseFloor
      {
        reasons.append(
          "it has \(brief(gain)) of the adapter's effect, and an ideal merge \(brief(ideal)) "
            + "(another scale, or a part is missing?)")
      }
    }
    if !(numbers.residual <= limit) {
      reasons.append(
        "the residual \(brief(numbers.residual)) exceeds \(brief(limit)), which is "
          + "\(Self.idealFactor) of an ideal merge's and the noise floor")
    }
    self.reasons = reasons
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
