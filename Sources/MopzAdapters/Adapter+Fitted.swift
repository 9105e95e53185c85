import MopzBytes

extension TargetUpdate {
  /// The relative error that a fit reached for this target; nil if the terms are exact.
  public var relativeError: Double? {
    get { scalars.first { $0.role == .relativeError }?.value }
    set {
      scalars.removeAll { $0.role == .relativeError }
      if let newValue { scalars.append(Scalar(role: .relativeError, value: newValue)) }
    }
  }

  /// What a target of one adapter has in common with its counterpart in another.
  public struct Identity: Hashable, Sendable {
    private let module: ExactName
    private let parameter: ExactName
    private let layoutIndex: Int
    private let kind: UpdateKind

    init(_ target: TargetUpdate) {
      module = ExactName(target.module)
      parameter = ExactName(target.parameter)
      layoutIndex = target.layoutIndex
      kind = target.kind
    }
  }

  /// The target's identity; no two targets of an adapter have the same.
  public var identity: Identity { Identity(self) }
}

extension Adapter {
  /// Whether some target stands for that of the source within an error.
  public var isFitted: Bool { targets.contains { $0.relativeError != nil } }

  /// The blocks that a fit made: fitted targets use them, and nothing of the source does.
  ///
  /// - Complexity: O(tables).
  public var fittedBlocks: Set<Int> {
    guard isFitted else { return [] }
    var (fitted, others) = (AdapterUses(), AdapterUses())
    for target in targets {
      if target.relativeError == nil {
        others.add(target, of: self)
      } else {
        fitted.add(target, of: self)
        others.blocks.formUnion(target.operands.map(\.block))
      }
    }
    for tensor in sourceTensors {
      switch tensor.content {
      case .block(let block): others.blocks.insert(block)
      case .factor(let factor): others.add(factor: factor, of: self)
      }
    }
    others.blocks.formUnion(files.compactMap(\.block))
    if let baseRecordBlock { others.blocks.insert(baseRecordBlock) }
    return fitted.blocks.subtracting(others.blocks)
  }

  /// What a fit was asked for and reached; nil if there was none, or the record is unsound.
  public var fitRecord: FitRecord? {
    get { FitRecord(properties) }
    set { properties = FitRecord.removed(from: properties) + (newValue?.properties ?? []) }
  }

  /// The blocks that a target is made of, with those of tables, ascending.
  ///
  /// - Complexity: O(terms).
  public func blocks(of target: TargetUpdate) -> [Int] {
    var uses = AdapterUses()
    uses.add(target, of: self)
    return uses.blocks.sorted()
  }

  /// The adapter without what only the sources of fitted targets needed, and with a record
  /// of the fit.
  ///
  /// The source tensors that no update uses any more go, with those whose numbers the terms of
  /// a fitted module had in them, such as its alpha; then the blocks, factors and pools that
  /// nothing uses. A weights file that lost a tensor gets the standard header.
  ///
  /// - Complexity: O(tables).
  /// - Specification: §7.3 and §8.6 of `spec/mopz.md`.
  public func droppingFittedSources(_ record: FitRecord) -> Adapter {
    var result = self
    var uses = AdapterUses()
    for target in targets { uses.add(target, of: self) }
    let names = FactorNames(pattern: record.names)
    let fitted = Set(targets.filter { $0.relativeError != nil }.map { ExactName($0.module) })
    let isKept = sourceTensors.map { tensor in
      switch tensor.disposition {
      case .carried, .redundant: true
      case .scalar: names?.isName(tensor.name, ofAny: fitted) != true
      case .consumed:
        switch tensor.content {
        case .block(let block): uses.blocks.contains(block)
        case .factor(let factor): uses.factors.contains(factor)
        }
      }
    }
    result.keepSourceTensors(isKept)
    result.fitRecord = record
    result.keepUsedTables()
    return result
  }

  private mutating func keepSourceTensors(_ isKept: [Bool]) {
    var places = [0]
    for kept in isKept { places.append(places[places.count - 1] + (kept ? 1 : 0)) }
    for index in files.indices where files[index].role == .weights {
      let range = files[index].tensors
      let kept = places[range.lowerBound]..<places[range.upperBound]
      if kept.count < range.count && files[index].headerForm == .stored {
        files[index].headerForm = .standard
        files[index].block = nil
      }
      files[index].tensors = kept
    }
    sourceTensors = zip(sourceTensors, isKept).filter(\.1).map(\.0)
  }

  /// Drops blocks, factors and pools that nothing uses; the others keep their order.
  public mutating func keepUsedTables() {
    var uses = AdapterUses()
    for target in targets { uses.add(target, of: self) }
    for tensor in sourceTensors {
      switch tensor.content {
      case .block(let block): uses.blocks.insert(block)
      case .factor(let factor): uses.add(factor: factor, of: self)
      }
    }
    for file in files { if let block = file.block { uses.blocks.insert(block) } }
    if let baseRecordBlock { uses.blocks.insert(baseRecordBlock) }
    let blockPlaces = uses.blocks.places(of: blocks.count)
    let poolPlaces = uses.pools.places(of: pools.count)
    let factorPlaces = uses.factors.places(of: factors.count)
    blocks = uses.blocks.sorted().map { blocks[$0] }
    pools = uses.pools.sorted().map { pools[$0].renumbered(blockPlaces) }
    factors = uses.factors.sorted().map { factors[$0].renumbered(blockPlaces, poolPlaces) }
    targets = targets.map { $0.renumbered(blockPlaces, factorPlaces) }
    for index in sourceTensors.indices {
      sourceTensors[index].content =
        switch sourceTensors[index].content {
        case .block(let block): .block(blockPlaces[block])
        case .factor(let factor): .factor(factorPlaces[factor])
        }
    }
    for index in files.indices { files[index].block = files[index].block.map { blockPlaces[$0] } }
    baseRecordBlock = baseRecordBlock.map { blockPlaces[$0] }
  }
}
