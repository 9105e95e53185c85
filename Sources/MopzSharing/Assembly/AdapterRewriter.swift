import MopzAdapters
import MopzTensors

/// Builds an adapter whose fitted targets have new terms, from one that has the old.
///
/// Tables are taken over as far as something still uses them. A source tensor whose block (or
/// factor) only fitted targets used is left out: the values that it held are no longer there.
struct AdapterRewriter {
  private let source: Adapter
  private let fitted: Set<Int>
  private(set) var adapter: Adapter
  private var blockNumbers: [Int: Int] = [:]
  private var factorNumbers: [Int: Int] = [:]

  /// Begins with everything that is not fitted.
  init(_ source: Adapter, fitted: [Int]) {
    self.source = source
    self.fitted = Set(fitted)
    adapter = Adapter(name: source.name, kind: source.kind)
    adapter.properties = source.properties
    keepTensors()
    adapter.targets = source.targets
    for place in source.targets.indices {
      if self.fitted.contains(place) {
        adapter.targets[place].terms = []
      } else {
        keep(place)
      }
    }
    adapter.baseRecordBlock = source.baseRecordBlock.map { block($0) }
  }

  /// Adds a block.
  mutating func add(_ tensor: Tensor) -> Int {
    adapter.blocks.append(tensor)
    return adapter.blocks.count - 1
  }

  /// Adds a factor over a pool of its own.
  mutating func add(_ pool: Pool, _ factor: Factor) -> Int {
    adapter.pools.append(pool)
    var factor = factor
    factor.pool = adapter.pools.count - 1
    adapter.factors.append(factor)
    return adapter.factors.count - 1
  }

  mutating func add(_ term: Term, to target: Int) { adapter.targets[target].terms.append(term) }

  mutating func set(_ scalar: Scalar, of target: Int) {
    adapter.targets[target].scalars.removeAll { $0.role == scalar.role }
    adapter.targets[target].scalars.append(scalar)
  }

  mutating func record(_ key: String, _ value: String) {
    adapter.properties.removeAll { $0.key == key }
    adapter.properties.append(Property(key: key, value: value))
  }

  private mutating func block(_ old: Int) -> Int {
    if let known = blockNumbers[old] { return known }
    let number = add(source.blocks[old])
    blockNumbers[old] = number
    return number
  }

  private mutating func factor(_ old: Int) -> Int {
    if let known = factorNumbers[old] { return known }
    var factor = source.factors[old]
    var pool = source.pools[factor.pool]
    for index in pool.ranges.indices { pool.ranges[index].block = block(pool.ranges[index].block) }
    if case .explicit(let table) = factor.indices {
      factor.indices = .explicit(block: block(table))
    }
    switch factor.mixing {
    case .none: break
    case .weights(let table): factor.mixing = .weights(block: block(table))
    case .complement(let table): factor.mixing = .complement(block: block(table))
    case .softmaxTop(let table): factor.mixing = .softmaxTop(block: block(table))
    }
    let number = add(pool, factor)
    factorNumbers[old] = number
    return number
  }

  private mutating func keep(_ place: Int) {
    var target = source.targets[place]
    for index in target.terms.indices {
      var term = target.terms[index]
      (term.down, term.up) = (factor(term.down), factor(term.up))
      switch term.core {
      case .identity: break
      case .diagonal(let old): term.core = .diagonal(block: block(old))
      case .dense(let old): term.core = .dense(block: block(old))
      }
      term.outScaleBlock = term.outScaleBlock.map { block($0) }
      term.inScaleBlock = term.inScaleBlock.map { block($0) }
      target.terms[index] = term
    }
    for index in target.operands.indices {
      target.operands[index].block = block(target.operands[index].block)
    }
    adapter.targets[place] = target
  }

  /// Keeps the source tensors that something else than a fitted target uses.
  private mutating func keepTensors() {
    var (gone, kept): (Set<Int>, Set<Int>) = ([], [])
    for (place, target) in source.targets.enumerated() {
      let blocks = FittedTensors.blocks(of: target, in: source)
      if fitted.contains(place) {
        gone.formUnion(blocks)
      } else {
        kept.formUnion(blocks + target.operands.map(\.block))
      }
    }
    gone.subtract(kept)
    var isKept: [Bool] = []
    for tensor in source.sourceTensors {
      switch tensor.content {
      case .block(let block):
        isKept.append(tensor.disposition != .consumed || !gone.contains(block))
      case .factor(let factor):
        let blocks = FittedTensors.blocks(of: source.factors[factor], in: source)
        isKept.append(tensor.disposition != .consumed || !gone.isSuperset(of: blocks))
      }
    }
    for file in source.files {
      var file = file
      let first = adapter.sourceTensors.count
      for index in file.tensors where isKept[index] {
        var tensor = source.sourceTensors[index]
        switch tensor.content {
        case .block(let old): tensor.content = .block(block(old))
        case .factor(let old): tensor.content = .factor(factor(old))
        }
        adapter.sourceTensors.append(tensor)
      }
      let hasLost = file.tensors.contains { !isKept[$0] }
      file.tensors = first..<adapter.sourceTensors.count
      if file.role == .weights, hasLost {
        file.headerForm = .standard
        file.block = nil
      } else {
        file.block = file.block.map { block($0) }
      }
      if file.role == .config { file.tensors = 0..<0 }
      adapter.files.append(file)
    }
  }
}
