public import MopzTensors

/// All of one task: canonical updates, and what is needed to give the source back.
///
/// Every importer turns its dialect into this value, and everything after that
/// (container, merge, forward pass, export, verify) knows only this value.
/// Blocks, factors and pools are tables that the other parts index into, so that
/// sharing inside a task is visible.
///
/// - Specification: §7 and §8 of `spec/mopz.md`.
public struct Adapter: Sendable {
  /// The task's name (spec §10: UTF-8, 1 to 255 bytes, no control characters).
  public var name: String
  /// What the task is, such as ``AdapterKind/lora`` or an opaque tag.
  public var kind: AdapterKind
  /// The stored tensors.
  public var blocks: [Tensor]
  /// The pools, whose ranges index ``blocks``.
  public var pools: [Pool]
  /// The factors, which index ``pools`` and ``blocks``.
  public var factors: [Factor]
  /// One entry per parameter of the base that the task changes.
  public var targets: [TargetUpdate]
  /// The source files, in the order of their names.
  public var files: [SourceFile]
  /// The source tensors of all files, in the order of their data.
  public var sourceTensors: [SourceTensor]
  /// What the importer read and worked out, as key and value; provenance only.
  public var properties: [Property]
  /// The index of the block that holds the base record, if one was recorded.
  public var baseRecordBlock: Int?

  /// Makes an adapter with empty tables.
  public init(name: String, kind: AdapterKind) {
    self.name = name
    self.kind = kind
    blocks = []
    pools = []
    factors = []
    targets = []
    files = []
    sourceTensors = []
    properties = []
    baseRecordBlock = nil
  }

  /// Whether some tensors are only carried, so that merge does not know what they do.
  public var isOpaque: Bool { sourceTensors.contains { $0.disposition == .carried } }

  /// The largest rank of any term; 0 if there is none.
  public var rankMax: Int {
    targets.lazy.flatMap(\.terms).map { self.factors[$0.down].rank }.max() ?? 0
  }

  /// The number of elements of all source tensors.
  public var parameterCount: Int { sourceTensors.reduce(0) { $0 + $1.shape.elementCount } }
}

/// A pair of strings, such as `peft.lora_alpha` and `16`.
public struct Property: Hashable, Sendable {
  public var key: String
  public var value: String

  public init(key: String, value: String) {
    self.key = key
    self.value = value
  }
}
