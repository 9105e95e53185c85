/// What a target of some kind must and may have beside its terms.
///
/// - Specification: §8.5 of `spec/mopz.md`, rules UPD-7, UPD-9 and UPD-11.
public struct UpdateNeeds: Hashable, Sendable {
  /// Whether the kind has terms.
  public var hasTerms: Bool = false
  /// The operands that must be there.
  public var operands: [Operand.Role] = []
  /// The operands that may be there.
  public var optionalOperands: [Operand.Role] = []
  /// The scalars that must be there.
  public var scalars: [Scalar.Role] = []
  /// The scalars that may be there.
  public var optionalScalars: [Scalar.Role] = []
}

extension UpdateKind {
  /// What a target of this kind must and may have.
  public var needs: UpdateNeeds {
    switch self {
    case .additive: UpdateNeeds(hasTerms: true, optionalScalars: [.relativeError])
    case .magnitude:
      UpdateNeeds(hasTerms: true, operands: [.magnitude], optionalScalars: [.relativeError])
    case .replacement, .scale: UpdateNeeds(operands: [.value])
    case .denseDelta: UpdateNeeds(operands: [.value], scalars: [.scaling])
    case .rowReplacement: UpdateNeeds(operands: [.value, .indices])
    case .hadamard:
      UpdateNeeds(
        operands: [.leftFirst, .rightFirst, .leftSecond, .rightSecond],
        optionalOperands: [.coreFirst, .coreSecond], scalars: [.scaling])
    case .kronecker:
      UpdateNeeds(
        operands: [.leftFirst, .leftSecond],
        optionalOperands: [.rightFirst, .rightSecond, .coreSecond], scalars: [.scaling])
    case .sparse, .spectral: UpdateNeeds(operands: [.value, .indices], scalars: [.scaling])
    case .rotation:
      UpdateNeeds(
        operands: [.value], optionalOperands: [.magnitude], scalars: [.variant],
        optionalScalars: [.termCount])
    }
  }
}
