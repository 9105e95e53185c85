import MopzAdapters
import MopzBytes
import MopzTensors

/// Compares one task with its source.
struct TaskComparison {
  let task: Adapter
  let source: Adapter
  private(set) var findings: [Finding] = []
  private(set) var byteCount = 0

  /// An index on each side.
  private struct Pair: Hashable {
    var mine: Int
    var theirs: Int
  }

  /// The blocks and factors that have been found equal.
  private var sameBlocks: Set<Pair> = []
  private var sameFactors: Set<Pair> = []
  /// The source's factors that are one whole block, by the block.
  private var sourceFactors: [Int: Int] = [:]

  init(task: Adapter, source: Adapter) {
    self.task = task
    self.source = source
    for factor in source.factors.indices {
      if let block = source.wholeBlock(ofFactor: factor) { sourceFactors[block] = factor }
    }
  }

  /// The most differences that are named; more are counted.
  private static let findingCountMax = 20

  mutating func compare() {
    compareFiles()
    compareTensors()
    if task.kind != source.kind {
      differ("the kind is \(task.kind.rawValue), the source's is \(source.kind.rawValue)")
    }
    compareUpdates()
    let surplus = findings.count - Self.findingCountMax
    if surplus > 0 {
      findings.removeLast(surplus)
      differ("\(surplus) further differences")
    }
  }

  private mutating func differ(_ message: String, tensor: String? = nil) {
    findings.append(Refusal(.difference, task.name, tensor: tensor, message).finding)
  }

  private mutating func compareFiles() {
    let mine = task.files.map(\.name)
    let theirs = source.files.map(\.name)
    guard mine == theirs else {
      return differ("the files are \(mine), the source's are \(theirs)")
    }
    for (a, b) in zip(task.files, source.files) {
      if a.role != b.role || a.headerForm != b.headerForm || a.tensors != b.tensors {
        differ("the file \(a.name.quoted) is of another kind or has other tensors")
      }
      if exact(a.metadata) != exact(b.metadata) {
        differ("the metadata of \(a.name.quoted) differs")
      }
      guard let x = a.block, let y = b.block else {
        if a.block != b.block { differ("the bytes of \(a.name.quoted) are on one side only") }
        continue
      }
      if !isSame(x, y) { differ("the bytes of \(a.name.quoted) differ") }
    }
  }

  /// Metadata whose strings are compared by their bytes.
  private func exact(_ metadata: [Property]?) -> [[ExactName]]? {
    metadata?.map { [ExactName($0.key), ExactName($0.value)] }
  }

  private mutating func compareTensors() {
    guard task.sourceTensors.count == source.sourceTensors.count else {
      return differ(
        "there are \(task.sourceTensors.count) tensors, the source has "
          + "\(source.sourceTensors.count)")
    }
    for (a, b) in zip(task.sourceTensors, source.sourceTensors) {
      guard ExactName(a.name) == ExactName(b.name) else {
        differ("the source has \(b.name.quoted) in this place", tensor: a.name)
        continue
      }
      guard a.dtype == b.dtype, a.shape == b.shape else {
        differ(
          "is \(a.dtype.code) \(a.shape), the source's is \(b.dtype.code) \(b.shape)",
          tensor: a.name)
        continue
      }
      compareElements(a, b)
    }
  }

  /// Compares the elements of two tensors, whether they are blocks or put together from pools.
  private mutating func compareElements(_ a: SourceTensor, _ b: SourceTensor) {
    if case .block(let x) = a.content, case .block(let y) = b.content {
      byteCount += task.blocks[x].bytes.count
      if !isSame(x, y) { differ("the elements differ", tensor: a.name) }
      return
    }
    do throws(FactorError) {
      let x = try Self.elements(a, of: task)
      let y = try Self.elements(b, of: source)
      byteCount += x.count
      if !x.span.hasSameBytes(as: y.span) { differ("the elements differ", tensor: a.name) }
      if case .factor(let f) = a.content, let g = factor(of: b) {
        sameFactors.insert(Pair(mine: f, theirs: g))
      }
    } catch {
      differ("the elements cannot be put together: \(error)", tensor: a.name)
    }
  }

  /// The bytes of a source tensor.
  private static func elements(
    _ tensor: SourceTensor, of adapter: Adapter
  ) throws(FactorError) -> Bytes {
    switch tensor.content {
    case .block(let block): adapter.blocks[block].bytes
    case .factor(let factor): try adapter.assembledFactor(factor).bytes
    }
  }

  /// The factor of the source that one of its tensors is.
  private func factor(of tensor: SourceTensor) -> Int? {
    switch tensor.content {
    case .factor(let factor): factor
    case .block(let block): sourceFactors[block]
    }
  }

  /// Whether a block of the task and one of the source hold the same; each pair is looked at
  /// once.
  private mutating func isSame(_ a: Int, _ b: Int) -> Bool {
    let pair = Pair(mine: a, theirs: b)
    if sameBlocks.contains(pair) { return true }
    guard task.blocks[a].dtype == source.blocks[b].dtype else { return false }
    let x = task.blocks[a].bytes
    let y = source.blocks[b].bytes
    guard x.span.hasSameBytes(as: y.span) else { return false }
    sameBlocks.insert(pair)
    return true
  }

  private mutating func isSame(_ a: Int?, _ b: Int?) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    return isSame(a, b)
  }

  // MARK: Updates

  /// Compares what both make of the base: the same modules, numbers, and elements.
  private mutating func compareUpdates() {
    guard updates(task) == updates(source) else {
      return differ("the updates (modules, ranks, scales) are not those that the source gives")
    }
    // A tensor that differs has been named; what uses it would only repeat it.
    guard findings.isEmpty else { return }
    for (a, b) in zip(task.targets, source.targets) {
      let isEqual =
        zip(a.operands, b.operands).allSatisfy { isSame($0.block, $1.block) }
        && zip(a.terms, b.terms).allSatisfy { isSame($0, $1) }
      if !isEqual {
        differ("the update of \(a.module.quoted) uses other elements than the source's")
      }
    }
  }

  private mutating func isSame(_ a: Term, _ b: Term) -> Bool {
    isSame(factor: a.down, b.down) && isSame(factor: a.up, b.up)
      && isSame(a.core.block, b.core.block) && isSame(a.outScaleBlock, b.outScaleBlock)
      && isSame(a.inScaleBlock, b.inScaleBlock)
  }

  /// Whether two factors have the same elements.
  private mutating func isSame(factor a: Int, _ b: Int) -> Bool {
    if sameFactors.contains(Pair(mine: a, theirs: b)) { return true }
    if let x = task.wholeBlock(ofFactor: a), let y = source.wholeBlock(ofFactor: b) {
      return isSame(x, y)
    }
    guard hasSameElements(a, b) else { return false }
    sameFactors.insert(Pair(mine: a, theirs: b))
    return true
  }

  /// Bits where nothing is mixed, else the numbers that the tables give.
  private func hasSameElements(_ a: Int, _ b: Int) -> Bool {
    if task.factors[a].mixing == .none && source.factors[b].mixing == .none {
      guard let x = try? task.assembledFactor(a), let y = try? source.assembledFactor(b) else {
        return false
      }
      return x.dtype == y.dtype && x.bytes.span.hasSameBytes(as: y.bytes.span)
    }
    guard let x = try? task.expansion(ofFactor: a) else { return false }
    return x == (try? source.expansion(ofFactor: b))
  }

  /// What an adapter does to each parameter, without the places of its blocks.
  private func updates(_ adapter: Adapter) -> [Update] {
    adapter.targets.map { target in
      Update(
        module: ExactName(target.module), parameter: ExactName(target.parameter),
        naming: target.naming, layout: target.layout, kind: target.kind,
        terms: target.terms.map { term in
          let factors = [term.down, term.up].map { adapter.factors[$0] }
          return [term.scaling, term.core.code]
            + factors.flatMap { [Double($0.rank), Double($0.width)] }
        },
        operands: target.operands.map(\.role), scalars: target.scalars)
    }
  }

  private struct Update: Hashable {
    var module: ExactName
    var parameter: ExactName
    var naming: ModuleNaming
    var layout: Layout
    var kind: UpdateKind
    var terms: [[Double]]
    var operands: [Operand.Role]
    var scalars: [Scalar]
  }
}

extension Term.Core {
  /// The block, if there is one.
  fileprivate var block: Int? {
    switch self {
    case .identity: nil
    case .diagonal(let block), .dense(let block): block
    }
  }

  /// Which of the three it is.
  fileprivate var code: Double {
    switch self {
    case .identity: 0
    case .diagonal: 1
    case .dense: 2
    }
  }
}
