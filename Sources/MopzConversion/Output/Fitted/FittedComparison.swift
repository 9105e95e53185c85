import MopzAdapters
import MopzBytes
import MopzSharing
import MopzTensors

/// Compares a fitted task with its source: what was kept must be the same bytes, and what was
/// fitted within the errors that the task states.
struct FittedComparison {
  let task: Adapter
  let source: Adapter
  private(set) var findings: [Finding] = []
  private(set) var byteCount = 0
  /// The errors that were measured; nil if they could not be.
  private(set) var fit: FittedTask?

  init(task: Adapter, source: Adapter) {
    self.task = task
    self.source = source
  }

  mutating func compare() {
    compareFiles()
    compareKeptTensors()
    compareTargets()
    if task.kind != source.kind {
      differ("the kind is \(task.kind.rawValue), the source's is \(source.kind.rawValue)")
    }
    let (errors, found) = FitCheck(task: task).findings(against: source)
    if let errors, let record = task.fitRecord {
      fit = FittedTask(name: task.name, record, errors)
    }
    findings += found
  }

  private mutating func differ(_ message: String, tensor: String? = nil) {
    findings.append(Refusal(.difference, task.name, tensor: tensor, message).finding)
  }

  private mutating func compareFiles() {
    guard task.files.map({ ExactName($0.name) }) == source.files.map({ ExactName($0.name) }) else {
      return differ("the files are not those of the source")
    }
    for (a, b) in zip(task.files, source.files) {
      if a.role != b.role { differ("the file \(a.name.quoted) is of another kind") }
      let (x, y) = (a.metadata ?? [], b.metadata ?? [])
      if x.flatMap({ [ExactName($0.key), ExactName($0.value)] })
        != y.flatMap({ [ExactName($0.key), ExactName($0.value)] })
        || (a.metadata == nil) != (b.metadata == nil)
      {
        differ("the metadata of \(a.name.quoted) differs")
      }
      guard a.role == .config, let mine = a.block, let theirs = b.block else { continue }
      if !hasSameBytes(mine, theirs) { differ("the bytes of \(a.name.quoted) differ") }
    }
  }

  /// The tensors that are still there must be the source's, in its order; those that are not
  /// must belong to fitted modules.
  private mutating func compareKeptTensors() {
    let fitted = Set(
      task.targets.filter { $0.relativeError != nil }.map { ExactName($0.module) })
    let replaceable = replaceableTensors(of: fitted)
    var rest = task.sourceTensors[...]
    for (place, tensor) in source.sourceTensors.enumerated() {
      guard let next = rest.first, ExactName(next.name) == ExactName(tensor.name) else {
        if !replaceable.contains(place) {
          differ("is missing, and belongs to no fitted module", tensor: tensor.name)
        }
        continue
      }
      rest = rest.dropFirst()
      guard next.dtype == tensor.dtype, next.shape == tensor.shape,
        next.disposition == tensor.disposition, case .block(let x) = next.content,
        case .block(let y) = tensor.content, hasSameBytes(x, y)
      else {
        differ("is not the source's", tensor: tensor.name)
        continue
      }
      byteCount += task.blocks[x].bytes.count
    }
    for tensor in rest { differ("is none of the source's", tensor: tensor.name) }
  }

  /// The source tensors that may be gone: what the terms of fitted modules were made of, tables
  /// and gates among it, and their alphas.
  private func replaceableTensors(of modules: Set<ExactName>) -> Set<Int> {
    var blocks: Set<Int> = []
    for var target in source.targets where modules.contains(ExactName(target.module)) {
      target.operands = []
      blocks.formUnion(source.blocks(of: target))
    }
    let names = task.fitRecord.flatMap { FactorNames(pattern: $0.names) }
    return Set(
      source.sourceTensors.indices.filter { place in
        let tensor = source.sourceTensors[place]
        if tensor.disposition == .scalar {
          return names?.isName(tensor.name, ofAny: modules) == true
        }
        guard case .block(let block) = tensor.content else { return true }
        return blocks.contains(block)
      })
  }

  private mutating func compareTargets() {
    guard task.targets.map(\.identity) == source.targets.map(\.identity) else {
      return differ("the modules are not those of the source")
    }
    for (a, b) in zip(task.targets, source.targets) {
      if a.layout != b.layout || a.naming != b.naming
        || a.operands.map(\.role) != b.operands.map(\.role)
        || a.scalars.filter({ $0.role != .relativeError }) != b.scalars
      {
        differ("the update of \(a.module.quoted) is of another form than the source's")
      }
      guard a.relativeError == nil else { continue }
      let (x, y) = (a.terms.map { form($0, task) }, b.terms.map { form($0, source) })
      if x != y { differ("the update of \(a.module.quoted) is not the source's") }
    }
  }

  /// What a term says beside its blocks.
  private func form(_ term: Term, _ adapter: Adapter) -> [Double] {
    [term.scaling]
      + [term.down, term.up].flatMap { factor in
        [Double(adapter.factors[factor].rank), Double(adapter.factors[factor].width)]
      }
  }

  private func hasSameBytes(_ a: Int, _ b: Int) -> Bool {
    let (x, y) = (task.blocks[a].bytes, source.blocks[b].bytes)
    return x.span.hasSameBytes(as: y.span)
  }
}
