import MopzAdapters
import MopzBytes
import MopzSafetensors
import MopzTensors

/// Binds one adapter after the other and collects what becomes of the base.
struct Binder {
  let adapters: [AppliedAdapter]
  let base: Checkpoint
  let names: BaseNames
  var targets: [String: BoundTarget] = [:]
  var added: [AddedTensor] = []
  var tieOutcome = TieOutcome.untouched
  var findings: [Finding] = []

  init(adapters: [AppliedAdapter], base: Checkpoint) {
    self.adapters = adapters
    self.base = base
    let flattening = adapters.contains { applied in
      applied.adapter.targets.contains { $0.naming == .flattened }
    }
    names = BaseNames(of: base, tie: TiedPair(of: base), flattening: flattening)
  }

  /// The targets by their place in the base.
  var orderedTargets: [BoundTarget] {
    func place(_ target: BoundTarget) -> (Int, Int, Int) {
      (target.isUntied ? 1 : 0, target.base.location.shard, target.base.location.tensor)
    }
    return targets.values.sorted { place($0) < place($1) }
  }

  /// Binds an adapter.
  mutating func bind(_ index: Int) throws(BindingError) {
    let applied = adapters[index]
    let adapter = applied.adapter
    try checkKind(of: adapter)
    try checkBaseRecord(of: adapter)
    let resolved = try ModuleLookup(adapter: adapter, names: names).resolve()
    if let summary = resolved.rule.summary {
      note(.note, "NAMES", adapter.name, "its names fit the base \(summary)")
    }
    var coverage = Coverage(of: adapter)
    for (update, name) in zip(adapter.targets, resolved.names) {
      coverage.use(update)
      try apply(update, to: name, adapter: index)
    }
    try coverage.check()
  }

  /// Refuses what is carried without being understood.
  private func checkKind(of adapter: Adapter) throws(BindingError) {
    let carried = adapter.sourceTensors.filter { $0.disposition == .carried }
    if adapter.targets.isEmpty {
      throw .notMergeable(
        adapter: adapter.name, kind: adapter.kind.rawValue,
        reason: KindReason.text(for: adapter.kind))
    }
    guard carried.isEmpty else {
      throw .unused(adapter: adapter.name, tensors: carried.map(\.name))
    }
  }

  private mutating func checkBaseRecord(of adapter: Adapter) throws(BindingError) {
    guard adapter.baseRecordBlock != nil else {
      note(.note, "BASE", adapter.name, "no base was recorded with it (unrecorded)")
      return
    }
    // A base without a configuration does not contradict the recorded architecture.
    guard let record = adapter.baseRecord,
      let found = BaseRecord(
        architecture: base.architecture ?? record.architecture, tensors: base.infos)
    else {
      throw .content(
        adapter: adapter.name, parameter: "base record", reason: "it cannot be read")
    }
    let differences = record.differences(from: found)
    guard differences.isEmpty else {
      throw .wrongBase(adapter: adapter.name, differences: differences)
    }
    note(
      .note, "BASE", adapter.name,
      "the base is identical to the recorded one in names, types and shapes")
  }

  mutating func note(
    _ severity: Finding.Severity, _ rule: String, _ place: String, _ message: String
  ) {
    findings.append(Finding(severity: severity, rule: rule, where: place, message: message))
  }
}

/// Why a kind of adapter cannot be merged.
enum KindReason {
  private static let reasons = [
    "alora": "it acts only from its invocation tokens on, which no weight can express",
    "xlora": "it mixes its experts by the input, which no weight can express",
    "arrow": "it chooses among adapters by the input, which no weight can express",
    "prefix-tuning": "it adds vectors to attention and changes no weight",
    "prompt-tuning": "it adds input vectors and changes no weight",
    "p-tuning": "it adds input vectors and changes no weight",
    "adapterhub": "bottleneck adapters are layers of their own and change no weight",
    "pissa": "it was trained on a base whose principal part was taken out",
  ]

  static func text(for kind: AdapterKind) -> String {
    let tag = kind.rawValue
    let known = reasons.first { tag == $0.key || tag.hasPrefix($0.key + "-") }
    return (known?.value ?? "this version carries the kind without understanding it")
      + " (keep the adapter beside the model)"
  }
}
