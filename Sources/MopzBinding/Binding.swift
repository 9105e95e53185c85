public import MopzBytes
public import MopzSafetensors
public import MopzTensors

/// Adapters bound to a base: what happens to which tensor, checked in full.
///
/// A binding that exists is complete: every tensor of every adapter is used by an
/// update, every update fits its base tensor, and no two of them contradict each
/// other. It is worked out from headers; ``validateValues()`` looks at the
/// adapters' numbers.
///
/// ```swift
/// let base = try Checkpoint(opening: "base")
/// let binding = try Binding([AppliedAdapter(adapter)], to: base)
/// for target in binding.targets { print(target.name, target.terms.count) }
/// ```
public struct Binding: Sendable {
  /// The base.
  public let base: Checkpoint
  /// The adapters, in the order in which they were given.
  public let adapters: [AppliedAdapter]
  /// The tensors that change, in the order in which they lie in the base; an
  /// untied head comes last.
  public let targets: [BoundTarget]
  /// Tensors that the base lacks and that are not worked out from it.
  public let added: [AddedTensor]
  /// What becomes of the base's tie between embedding and head.
  public let tie: TieOutcome
  /// What the user should know.
  public let findings: [Finding]

  /// Binds adapters to a base.
  ///
  /// - Throws: ``BindingError`` for the first thing that does not fit.
  /// - Complexity: O(tensors of base and adapters); replaced tensors are compared
  ///   with the base's.
  /// - Precondition: `adapters` is not empty.
  public init(_ adapters: [AppliedAdapter], to base: Checkpoint) throws(BindingError) {
    precondition(!adapters.isEmpty)
    var binder = Binder(adapters: adapters, base: base)
    for index in adapters.indices { try binder.bind(index) }
    try binder.resolveTie()
    self.base = base
    self.adapters = adapters
    targets = binder.orderedTargets
    added = binder.added
    tie = binder.tieOutcome
    findings = binder.findings
  }

  /// The target with a name, or nil.
  public func target(named name: String) -> BoundTarget? { targets.first { $0.name == name } }

  /// W of a target.
  public func baseTensor(of target: BoundTarget) -> Tensor {
    base.tensor(at: target.base.location)
  }
}
