import MopzBytes
import MopzDigest

/// The two commit slots of a file, judged.
///
/// - Specification: §5.2 of `spec/mopz.md`.
struct SlotPair {
  /// What a slot's page holds.
  enum State {
    /// Zeros: never written.
    case unused
    /// A slot that may be believed.
    case valid(CommitSlot)
    /// Anything else.
    case invalid(FormatViolation)
  }

  let a: State
  let b: State

  /// Judges both pages.
  ///
  /// - Precondition: The span holds the header's three pages.
  init(_ file: RawSpan) {
    let page = FormatConstants.pageByteCount
    let offsets = FormatConstants.slotOffsets
    a = Self.state(of: file.extracting(offsets.a..<(offsets.a + page)), "A", odd: true)
    b = Self.state(of: file.extracting(offsets.b..<(offsets.b + page)), "B", odd: false)
  }

  /// SLT-2 to SLT-5.
  private static func state(of page: RawSpan, _ name: Character, odd: Bool) -> State {
    if page.isAllZero { return .unused }
    let slot = CommitSlot(parsing: page, at: 0)
    guard slot.magic == FormatConstants.slotMagic else {
      return .invalid(FormatViolation(rule: .slotMagic, location: .slot(name)))
    }
    let hash = XXH3.hash128(page.extracting(0..<CommitSlot.hashedByteCount))
    guard slot.rootHash == hash else {
      return .invalid(
        FormatViolation(
          rule: .slotRootHash, location: .slot(name),
          detail: .digests(expected: slot.rootHash, found: hash)))
    }
    let rest = page.extracting(CommitSlot.byteCount..<page.byteCount)
    guard rest.isAllZero else {
      return .invalid(FormatViolation(rule: .slotReserved, location: .slot(name)))
    }
    guard slot.generation >= 1, (slot.generation % 2 == 1) == odd else {
      return .invalid(
        FormatViolation(
          rule: .slotGeneration, location: .slot(name), detail: .unknownCode(slot.generation)))
    }
    return .valid(slot)
  }

  /// The slot of the newest generation.
  ///
  /// - Throws: ``ContainerError`` SLT-1 if both are unused, or what is wrong with
  ///   the first damaged slot if none is valid.
  func newest() throws(ContainerError) -> CommitSlot {
    switch (a, b) {
    case (.valid(let first), .valid(let second)):
      return first.generation > second.generation ? first : second
    case (.valid(let slot), _), (_, .valid(let slot)): return slot
    case (.invalid(let violation), _), (_, .invalid(let violation)): throw .violation(violation)
    case (.unused, .unused): throw .violation(.slotMissing, .file)
    }
  }

  /// Whether one of the slots can be used.
  var hasValidSlot: Bool {
    switch (a, b) {
    case (.valid, _), (_, .valid): true
    default: false
    }
  }

  /// The letter of the newest valid slot.
  var newestName: Character {
    switch (a, b) {
    case (.valid(let first), .valid(let second)):
      first.generation > second.generation ? "A" : "B"
    case (_, .valid): "B"
    default: "A"
    }
  }

  /// What is wrong with either slot, or with the pair.
  var violations: [FormatViolation] {
    var violations: [FormatViolation] = []
    for case .invalid(let violation) in [a, b] { violations.append(violation) }
    if case .valid(let first) = a, case .valid(let second) = b {
      let (low, high) = (
        min(first.generation, second.generation), max(first.generation, second.generation)
      )
      if high - low != 1 {  // SLT-6
        violations.append(
          FormatViolation(
            rule: .slotGenerationGap, location: .file,
            detail: .mismatch(expected: low &+ 1, found: high)))
      }
    }
    return violations
  }
}
