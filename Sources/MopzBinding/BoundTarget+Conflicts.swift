import MopzAdapters

extension BoundTarget {
  /// Refuses an update that excludes another of the same tensor.
  func checkRoom(
    for update: TargetUpdate, adapter: Int, of applied: [AppliedAdapter]
  ) throws(BindingError) {
    let others = adapters.filter { $0 != adapter }
    func conflict(_ reason: String) -> BindingError {
      let involved = Set(others + [adapter]).sorted().map { applied[$0].name }
      return .conflict(adapters: involved, parameter: name, reason: reason)
    }
    if rows != nil || (update.kind == .rowReplacement && !adapters.isEmpty) {
      throw conflict("some of its rows are replaced, and it is changed otherwise too")
    }
    if !others.isEmpty, magnitude != nil || update.kind == .magnitude {
      throw conflict(
        "a magnitude fixes the norm of the whole update, so it depends on the order in which "
          + "adapters are applied (merge them one after the other)")
    }
    switch update.kind {
    case .replacement:
      if let replacement {
        let value = update.operand(.value).map { applied[adapter].adapter.blocks[$0] }
        let isSame = value.map(replacement.tensor.isIdentical) ?? false
        guard replacement.adapter != adapter, isSame else {
          throw conflict("it is replaced twice, by different values")
        }
      } else if !others.isEmpty {
        throw conflict("one adapter replaces it, another adds to it")
      }
    case .additive, .magnitude, .denseDelta:
      if let replacement, replacement.adapter != adapter {
        throw conflict("one adapter replaces it, another adds to it")
      }
      let isTwice =
        update.kind == .denseDelta
        ? dense.contains { $0.adapter == adapter } : terms.contains { $0.adapter == adapter }
      if isTwice { throw conflict("two updates of the adapter name it") }
    default: break
    }
  }
}
