import MopzAdapters
import MopzBytes
import MopzLinearAlgebra
import MopzTensors

/// One update that is fitted.
struct FitItem: Sendable {
  /// The adapter's index.
  let task: Int
  /// The target's index in the adapter.
  let target: Int
  let outWidth: Int
  let inWidth: Int
  /// The singular values of ΔW, relative to the norm of all updates of the task.
  var values: [Double] = []
  /// The bytes of the source's factors.
  let sourceBytes: Int
}

/// The updates of some adapters that can be fitted, with their norms and singular values.
struct FitFamily: Sendable {
  let adapters: [Adapter]
  /// By adapter, then by target.
  private(set) var items: [FitItem]
  /// The items of each module path with equal shapes, in the order of names.
  let groups: [[Int]]
  /// The Frobenius norm of all fitted updates of each task.
  private(set) var norms: [Double]
  /// Tasks whose updates go into no pool.
  let isApart: [Bool]
  /// Updates that are left as they are.
  let findings: [Finding]

  /// Sorts out what can be fitted and works out the singular values.
  ///
  /// - Throws: ``FitError``.
  /// - Complexity: O(tasks · modules · (out + in) · rank²); memory of one update a thread.
  init(of adapters: [Adapter], _ options: FitOptions) throws(FitError) {
    self.adapters = adapters
    isApart = adapters.map { options.keptApart.contains($0.name) }
    var candidates: [FitItem] = []
    for (task, adapter) in adapters.enumerated() {
      for (index, target) in adapter.targets.enumerated() where target.isFittable {
        guard let first = target.terms.first else { continue }
        candidates.append(
          FitItem(
            task: task, target: index, outWidth: adapter.factors[first.up].width,
            inWidth: adapter.factors[first.down].width,
            sourceBytes: FittedTensors.blocks(of: target, in: adapter).reduce(0) {
              $0 + adapter.blocks[$1].bytes.count
            }))
      }
    }
    let found = candidates
    let results = try options.threads.map(found.count) {
      (index) throws(FitError) in
      try Self.singularValues(of: found[index], in: adapters)
    }
    var findings: [Finding] = []
    var squares = [Double](repeating: 0, count: adapters.count)
    items = []
    for (item, values) in zip(found, results) {
      guard let values else {
        let adapter = adapters[item.task]
        findings.append(
          Finding(
            severity: .warning, rule: "FIT",
            where: "\(adapter.name): \(adapter.targets[item.target].module)",
            message: "holds values that are not finite, or too large; it is kept as it is"))
        continue
      }
      var item = item
      item.values = values
      squares[item.task] += values.reduce(0) { $0 + $1 * $1 }
      items.append(item)
    }
    let norms = squares.map { $0.squareRoot() }
    self.norms = norms
    for index in items.indices {
      let norm = norms[items[index].task]
      for place in items[index].values.indices where norm > 0 {
        items[index].values[place] /= norm
      }
    }
    groups = Self.groups(of: items, adapters)
    self.findings = findings + Self.findings(of: adapters)
  }

  /// The factors of an item, relative to the norm of the whole task's update.
  func factors(of item: Int) throws(FitError) -> UpdateFactors {
    let item = items[item]
    let factors = try Self.factors(of: item, in: adapters)
    let norm = norms[item.task]
    guard norm > 0 else { return factors }
    return UpdateFactors(up: factors.up.scaled(by: 1 / norm), down: factors.down)
  }

  private static func factors(
    of item: FitItem, in adapters: [Adapter]
  ) throws(FitError) -> UpdateFactors {
    let adapter = adapters[item.task]
    let target = adapter.targets[item.target]
    do throws(FactorError) { return try UpdateFactors(of: target, in: adapter) } catch {
      throw .content(task: adapter.name, module: target.module, reason: error.description)
    }
  }

  /// Nil if values are not finite.
  private static func singularValues(
    of item: FitItem, in adapters: [Adapter]
  ) throws(FitError) -> [Double]? {
    do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
    let factors = try factors(of: item, in: adapters)
    guard factors.isFinite else { return nil }
    guard factors.up.squaredNorm > 0, factors.down.squaredNorm > 0 else {
      return [Double](repeating: 0, count: min(factors.rank, item.outWidth, item.inWidth))
    }
    let values = try SpectralForm(up: factors.up, down: factors.down).values
    // Squares must stay in range, and so must values that are stored as Float32.
    return values.allSatisfy { $0 < 1e30 } ? values : nil
  }

  private static func groups(of items: [FitItem], _ adapters: [Adapter]) -> [[Int]] {
    var groups: [GroupKey: [Int]] = [:]
    for (index, item) in items.enumerated() {
      let target = adapters[item.task].targets[item.target]
      groups[GroupKey(target, outWidth: item.outWidth, inWidth: item.inWidth), default: []].append(
        index)
    }
    return groups.sorted { $0.key < $1.key }.map(\.value)
  }

  private static func findings(of adapters: [Adapter]) -> [Finding] {
    adapters.compactMap { adapter in
      let left = adapter.targets.count { !$0.isFittable }
      guard left > 0 || adapter.targets.isEmpty else { return nil }
      return Finding(
        severity: .note, rule: "FIT", where: adapter.name,
        message: adapter.targets.isEmpty
          ? "has no update that can be fitted; it is kept as it is"
          : "\(left) of \(adapter.targets.count) updates are of kinds that are not fitted; "
            + "they are kept as they are")
    }
  }
}

extension TargetUpdate {
  /// Whether an update is a sum of terms in a plain matrix.
  var isFittable: Bool {
    kind == .additive && (layout == .linear || layout == .transposed) && !terms.isEmpty
      && operands.isEmpty
  }
}
