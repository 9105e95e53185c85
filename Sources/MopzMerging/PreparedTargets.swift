import MopzBinding
import MopzTensors
import Synchronization

/// Targets whose factors are ready, from their first piece to their last.
final class PreparedTargets: Sendable {
  private struct State {
    var ready: [Int: PreparedTarget] = [:]
    var left: [Int: Int]
  }

  private let state: Mutex<State>

  /// - Parameter pieceCounts: How many pieces each target has.
  init(pieceCounts: [Int: Int]) { state = Mutex(State(left: pieceCounts)) }

  /// A target; the first to ask prepares it while the others wait.
  func target(
    _ number: Int, of binding: Binding, to type: DType, kernel: TileKernel
  ) throws(MergeError) -> PreparedTarget {
    try state.withLock { (state) throws(MergeError) in
      if let ready = state.ready[number] { return ready }
      let target = try PreparedTarget(
        binding.targets[number], of: binding, to: type, kernel: kernel)
      state.ready[number] = target
      return target
    }
  }

  /// Gives a target's memory back after its last piece.
  func finishPiece(of number: Int) {
    state.withLock { state in
      state.left[number, default: 1] -= 1
      if state.left[number] == 0 { state.ready[number] = nil }
    }
  }
}
