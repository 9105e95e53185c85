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
  /// The pairs of vectors of the source.
  let rank: Int
  /// The singular values of ΔW that are not zero, relative to the norm of all updates of the
  /// task.
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
  /// The items of each task.
  let taskItems: [[Int]]
  /// The Frobenius norm of all fitted updates of each task.
  let norms: [Double]
  /// Tasks whose updates go into no pool.
  let isApart: [Bool]
  /// Updates that are left as they are.
  let findings: [Finding]
  /// The singular vectors of items, as many as ``keptByteCount`` holds, from the first on; those
  /// of the others are worked out whenever they are asked for.
  private let forms: [SpectralForm?]

  /// The bytes of singular vectors that are kept: two or four times the bytes of the sources,
  /// which most families stay below.
  private static let keptByteCount = 1 << 30

  /// Sorts out what can be fitted and works out the singular values.
  ///
  /// - Throws: ``FitError``.
  /// - Complexity: O(tasks · modules · (out + in) · rank²); memory of the singular vectors, at
  ///   most 1 GiB, and of one update a thread.
  init(of adapters: [Adapter], _ options: FitOptions) throws(FitError) {
    self.adapters = adapters
    isApart = adapters.map { options.keptApart.contains($0.name) }
    let candidates = Self.candidates(in: adapters)
    var byteCount = 0
    let isKept = candidates.map { item in
      byteCount += 8 * item.rank * (item.outWidth + item.inWidth)
      return byteCount <= Self.keptByteCount
    }
    let results = try options.threads.map(candidates.count) {
      (index) throws(FitError) -> (values: [Double], form: SpectralForm?)? in
      let form = try Self.form(of: candidates[index], in: adapters)
      return form.map { ($0.values, isKept[index] ? $0 : nil) }
    }
    var findings: [Finding] = []
    var (items, forms): ([FitItem], [SpectralForm?]) = ([], [])
    var values = [[Double]](repeating: [], count: adapters.count)
    for (candidate, found) in zip(candidates, results) {
      guard let found else {
        findings.append(Self.unusable(candidate, in: adapters))
        continue
      }
      items.append(candidate)
      items[items.count - 1].values = found.values
      values[candidate.task] += found.values
      forms.append(found.form)
    }
    let norms = values.map { Matrix($0, rows: 1, columns: $0.count).norm }
    for index in items.indices {
      let norm = norms[items[index].task]
      guard norm > 0 else { continue }
      items[index].values = items[index].values.map { $0 / norm }
    }
    var taskItems = [[Int]](repeating: [], count: adapters.count)
    for (index, item) in items.enumerated() { taskItems[item.task].append(index) }
    self.items = items
    self.taskItems = taskItems
    self.norms = norms
    self.forms = forms
    groups = Self.groups(of: items, adapters)
    self.findings = findings + Self.findings(of: adapters)
  }

  /// An item in its singular vectors, relative to the norm of the whole task's update.
  func form(of item: Int) throws(FitError) -> SpectralForm {
    let (kept, found) = (forms[item], items[item])
    if let kept { return kept.with(values: found.values) }
    guard let form = try Self.form(of: found, in: adapters) else {
      throw .numerics("an update is not finite")
    }
    return form.with(values: found.values)
  }

  private static func candidates(in adapters: [Adapter]) -> [FitItem] {
    var candidates: [FitItem] = []
    for (task, adapter) in adapters.enumerated() {
      guard adapter.reasonToKeep == nil else { continue }
      for (index, target) in adapter.targets.enumerated() where target.isFittable {
        guard let first = target.terms.first else { continue }
        candidates.append(
          FitItem(
            task: task, target: index, outWidth: adapter.factors[first.up].width,
            inWidth: adapter.factors[first.down].width,
            rank: target.terms.reduce(0) { $0 + adapter.factors[$1.down].rank },
            sourceBytes: adapter.blocks(of: target).reduce(0) {
              $0 + adapter.blocks[$1].bytes.count
            }))
      }
    }
    return candidates
  }

  /// Singular values below this share of the greatest are those of rounding in Float64.
  private static let leastShare = 0x1p-50

  /// An update in its singular vectors, without those of rounding; nil if values are not finite,
  /// or out of the range in which they can be stored.
  private static func form(
    of item: FitItem, in adapters: [Adapter]
  ) throws(FitError) -> SpectralForm? {
    do throws(Interrupted) { try Cancellation.check() } catch { throw .interrupted(error) }
    let adapter = adapters[item.task]
    let target = adapter.targets[item.target]
    do throws(ProductError) {
      let product = try UpdateProduct(of: target, in: adapter)
      guard product.isFinite else { return nil }
      let form = try SpectralForm(of: product)
      let greatest = form.values.first ?? 0
      // Squares must stay in range, and so must values that are stored as Float32.
      guard greatest < 1e30 else { return nil }
      return form.prefix(form.values.count { $0 > leastShare * greatest })
    } catch {
      throw .content(task: adapter.name, module: target.module, reason: error.description)
    }
  }

  private static func unusable(_ item: FitItem, in adapters: [Adapter]) -> Finding {
    let adapter = adapters[item.task]
    return Finding(
      severity: .warning, rule: "FIT",
      where: "\(adapter.name): \(adapter.targets[item.target].module)",
      message: "holds values that are not finite, or too large; it is kept as it is")
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
      guard adapter.reasonToKeep != nil || left > 0 else { return nil }
      return Finding(
        severity: .note, rule: "FIT", where: adapter.name,
        message: adapter.reasonToKeep
          ?? "\(left) of \(adapter.targets.count) updates are of kinds that are not fitted; "
          + "they are kept as they are")
    }
  }
}

extension Adapter {
  /// Why nothing of an adapter can be fitted; nil if something may be.
  fileprivate var reasonToKeep: String? {
    if targets.isEmpty { return "has no update that can be fitted; it is kept as it is" }
    if isFitted { return "was fitted before; it is kept as it is" }
    // Without a rule for names nobody could write the task as a plain LoRA again.
    if factorNames == nil {
      return "has no factors, or their names follow no one rule; it is kept as it is"
    }
    return nil
  }
}

extension TargetUpdate {
  /// Whether an update is a sum of terms in a plain matrix.
  var isFittable: Bool {
    kind == .additive && (layout == .linear || layout == .transposed) && !terms.isEmpty
      && operands.isEmpty
  }
}
