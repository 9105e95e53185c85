import MopzAdapters

/// What a kind needs, as sets of role codes, so that a target is checked without arrays.
struct TargetNeeds {
  let hasTerms: Bool
  private let operands: UInt32
  private let optionalOperands: UInt32
  private let scalars: UInt32
  private let optionalScalars: UInt32
  private let pairedOperands: UInt32

  init(_ kind: UpdateKind) { self = Self.table[Int(kind.rawValue)] }

  private init(making kind: UpdateKind) {
    let needs = kind.needs
    hasTerms = needs.hasTerms
    operands = Self.set(needs.operands.map(\.rawValue))
    optionalOperands = Self.set(needs.optionalOperands.map(\.rawValue))
    scalars = Self.set(needs.scalars.map(\.rawValue))
    optionalScalars = Self.set(needs.optionalScalars.map(\.rawValue))
    pairedOperands =
      kind == .hadamard
      ? Self.set([Operand.Role.coreFirst.rawValue, Operand.Role.coreSecond.rawValue]) : 0
  }

  /// The needs by the kinds' codes; the first place is not used.
  private static let table: [TargetNeeds] =
    [TargetNeeds(making: .additive)]
    + UpdateKind.allCases.sorted { $0.rawValue < $1.rawValue }.map { TargetNeeds(making: $0) }

  private static func set(_ roles: [UInt16]) -> UInt32 {
    roles.reduce(0) { $0 | 1 << UInt32($1) }
  }

  /// Whether a set of operands is complete, without strangers, and pairs are whole (UPD-9).
  func acceptsOperands(_ seen: UInt32) -> Bool {
    let paired = seen & pairedOperands
    return seen & operands == operands && seen & ~(operands | optionalOperands) == 0
      && (paired == 0 || paired == pairedOperands)
  }

  /// Whether a set of scalars is complete and without strangers (UPD-11).
  func acceptsScalars(_ seen: UInt32) -> Bool {
    seen & scalars == scalars && seen & ~(scalars | optionalScalars) == 0
  }
}
