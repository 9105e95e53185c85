/// A regular expression as instructions for an automaton without backtracking.
///
/// All states that the text so far can have led to are kept at once (Thompson's
/// construction), so the time is O(length of text · length of program).
struct PatternProgram: Hashable, Sendable {
  enum Instruction: Hashable, Sendable {
    case character(PatternSet)
    case assert(PatternAssertion)
    case split(Int, Int)
    case jump(Int)
    case accept
  }

  /// The most instructions that a pattern may need.
  static let instructionCountMax = 4096

  private(set) var instructions: [Instruction] = []

  /// The number of states, which bounds the work for one character.
  var stateCount: Int { instructions.count }

  /// The program of `(.*\.)?(KEY)$`.
  ///
  /// - Throws: ``PatternError`` if the key cannot be read or needs too many instructions.
  init(moduleKey: String) throws(PatternError) {
    let key = try PatternParser.parse(moduleKey)
    let parent = PatternNode.sequence([
      .repetition(.set(.anyButLineBreak), atLeast: 0, atMost: nil),
      .set(PatternSet([.range(0x2E...0x2E)])),
    ])
    try emit(.sequence([.repetition(parent, atLeast: 0, atMost: 1), key]))
    try append(.accept)
  }

  private mutating func append(_ instruction: Instruction) throws(PatternError) {
    guard instructions.count < Self.instructionCountMax else {
      throw PatternError(
        description: "needs more than \(Self.instructionCountMax) states; simplify it")
    }
    instructions.append(instruction)
  }

  private mutating func emit(_ node: PatternNode) throws(PatternError) {
    switch node {
    case .set(let set): try append(.character(set))
    case .assertion(let assertion): try append(.assert(assertion))
    case .sequence(let nodes): for node in nodes { try emit(node) }
    case .alternatives(let nodes): try emitAlternatives(nodes)
    case .repetition(let node, let least, let most):
      for _ in 0..<least {
        let before = instructions.count
        try emit(node)
        // What matches nothing is repeated for nothing.
        if instructions.count == before { break }
      }
      guard let most else { return try emitLoop(node) }
      for _ in least..<max(least, most) { try emitOptional(node) }
    }
  }

  private mutating func emitAlternatives(_ nodes: [PatternNode]) throws(PatternError) {
    var jumps: [Int] = []
    for node in nodes.dropLast() {
      let split = instructions.count
      try append(.split(split + 1, 0))
      try emit(node)
      jumps.append(instructions.count)
      try append(.jump(0))
      instructions[split] = .split(split + 1, instructions.count)
    }
    if let last = nodes.last { try emit(last) }
    for jump in jumps { instructions[jump] = .jump(instructions.count) }
  }

  private mutating func emitLoop(_ node: PatternNode) throws(PatternError) {
    let split = instructions.count
    try append(.split(split + 1, 0))
    try emit(node)
    try append(.jump(split))
    instructions[split] = .split(split + 1, instructions.count)
  }

  private mutating func emitOptional(_ node: PatternNode) throws(PatternError) {
    let split = instructions.count
    try append(.split(split + 1, 0))
    try emit(node)
    instructions[split] = .split(split + 1, instructions.count)
  }

  /// Whether the program matches the whole of a text.
  func matches(_ text: String) -> Bool {
    let scalars = text.unicodeScalars.map(\.value)
    var states = StateSet(capacity: instructions.count)
    var next = StateSet(capacity: instructions.count)
    add(0, to: &states, at: 0, of: scalars)
    for (index, scalar) in scalars.enumerated() {
      next.removeAll()
      for state in states.members {
        if case .character(let set) = instructions[state], set.contains(scalar) {
          add(state + 1, to: &next, at: index + 1, of: scalars)
        }
      }
      swap(&states, &next)
      if states.members.isEmpty { return false }
    }
    return states.members.contains { instructions[$0] == .accept }
  }

  /// Adds a state and all that follow from it without reading a character.
  private func add(_ state: Int, to states: inout StateSet, at index: Int, of text: [UInt32]) {
    var pending = [state]
    while let state = pending.popLast() {
      guard states.insert(state) else { continue }
      switch instructions[state] {
      case .jump(let target): pending.append(target)
      case .split(let first, let second):
        pending.append(second)
        pending.append(first)
      case .assert(let assertion):
        if assertion.holds(at: index, of: text) { pending.append(state + 1) }
      case .character, .accept: break
      }
    }
  }

  /// The states that are alive, each once.
  private struct StateSet {
    private(set) var members: [Int] = []
    private var isMember: [Bool]

    init(capacity: Int) { isMember = Array(repeating: false, count: capacity) }

    mutating func insert(_ state: Int) -> Bool {
      guard !isMember[state] else { return false }
      isMember[state] = true
      members.append(state)
      return true
    }

    mutating func removeAll() {
      for state in members { isMember[state] = false }
      members.removeAll(keepingCapacity: true)
    }
  }
}
