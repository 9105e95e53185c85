import Synchronization

/// Adds up what several threads have done.
final class ByteCounter: Sendable {
  private let sum = Atomic(0)

  /// Adds, and gives the sum.
  func add(_ count: Int) -> Int { sum.add(count, ordering: .relaxed).newValue }
}
