public import MopzAdapters

/// An adapter with the multiplier that the user gave it.
public struct AppliedAdapter: Sendable {
  /// The adapter.
  public var adapter: Adapter
  /// The multiplier on top of the adapter's own scaling; 1 leaves it as it was trained.
  public var scale: Double

  /// Applies an adapter.
  ///
  /// - Precondition: `scale` is finite.
  public init(_ adapter: Adapter, scale: Double = 1) {
    precondition(scale.isFinite)
    self.adapter = adapter
    self.scale = scale
  }

  /// The task's name.
  public var name: String { adapter.name }
}
