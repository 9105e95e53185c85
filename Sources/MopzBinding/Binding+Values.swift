import MopzAdapters
import MopzTensors

extension Binding {
  /// Looks at the adapters' numbers: they must be finite, and do something.
  ///
  /// - Throws: ``BindingError/notFinite(adapter:tensor:)``;
  ///   ``BindingError/noEffect(adapter:reason:)`` for an adapter whose delta is zero
  ///   everywhere; ``BindingError/cancelled(adapters:)`` for adapters that add up to that.
  /// - Complexity: O(size of the adapters).
  public func validateValues() throws(BindingError) {
    for index in adapters.indices {
      try checkFiniteness(of: adapters[index].adapter)
      try checkScale(of: index)
      guard try hasEffect(index) else {
        throw .noEffect(
          adapter: adapters[index].name,
          reason: adapters[index].scale == 0
            ? "its scale is 0" : "its delta is zero in every target")
      }
    }
    if adapters.count > 1, try cancels() { throw .cancelled(adapters: adapters.map(\.name)) }
  }

  /// Whether the updates of every target add up to zero.
  private func cancels() throws(BindingError) -> Bool {
    guard !added.contains(where: { $0.adapter != nil }) else { return false }
    for target in targets {
      guard target.magnitude == nil, target.replacement == nil, target.rows == nil,
        try deltaFactors(of: target).rank == 0, target.denseSumIsZero
      else { return false }
    }
    return true
  }

  private func checkFiniteness(of adapter: Adapter) throws(BindingError) {
    for source in adapter.sourceTensors where source.disposition == .consumed {
      if ElementScan(try elements(of: source, in: adapter)).hasNonFinite {
        throw .notFinite(adapter: adapter.name, tensor: source.name)
      }
    }
    // Factors that no tensor of the source holds. Of a pool that tensors are put together
    // from, only what they use matters: the rest is other tasks'.
    let named = Set(adapter.sourceTensors.map(\.content))
    let unnamed = adapter.factors.indices.filter { !named.contains(.factor($0)) }
    let ranges = unnamed.flatMap { adapter.pools[adapter.factors[$0].pool].ranges }
    for block in Set(ranges.map(\.block)).sorted() where !named.contains(.block(block)) {
      if ElementScan(adapter.blocks[block]).hasNonFinite {
        throw .notFinite(adapter: adapter.name, tensor: "block \(block)")
      }
    }
  }

  /// The elements of a source tensor, put together where they come from a pool.
  private func elements(
    of source: SourceTensor, in adapter: Adapter
  ) throws(BindingError) -> Tensor {
    switch source.content {
    case .block(let block): return adapter.blocks[block]
    case .factor(let factor):
      do throws(FactorError) { return try adapter.assembledFactor(factor) } catch {
        throw .content(
          adapter: adapter.name, parameter: source.name, reason: error.description)
      }
    }
  }

  /// A multiplier must be a number that Float32 holds, or the update is not finite.
  private func checkScale(of adapter: Int) throws(BindingError) {
    let largest = Double(Float.greatestFiniteMagnitude)
    for target in targets {
      let scales =
        target.terms.filter { $0.adapter == adapter }.map { $0.term.scaling * $0.scale }
        + target.dense.filter { $0.adapter == adapter }.map(\.scale)
      if let scale = scales.first(where: { !($0.magnitude <= largest) }) {
        throw .notFinite(
          adapter: adapters[adapter].name, tensor: "\(target.name), scaled by \(scale)")
      }
    }
  }

  /// Whether an adapter changes any tensor by more than nothing.
  private func hasEffect(_ adapter: Int) throws(BindingError) -> Bool {
    if added.contains(where: { $0.adapter == adapter }) { return true }
    for target in targets {
      if target.magnitude?.adapter == adapter || target.replacement?.adapter == adapter
        || target.rows?.adapter == adapter
      {
        return true
      }
      for dense in target.dense where dense.adapter == adapter {
        if dense.scale != 0 && !ElementScan(dense.tensor).isAllZero { return true }
      }
      for term in target.terms where term.adapter == adapter {
        let factors = try TermFactors(
          term, of: adapters[adapter].adapter, parameter: target.name)
        if factors.isNonzero { return true }
      }
    }
    return false
  }
}

extension BoundTarget {
  /// Whether the full-size deltas add up to zero, but for the rounding of their multipliers.
  fileprivate var denseSumIsZero: Bool {
    guard !dense.isEmpty else { return true }
    var (sum, size): ([Double], [Double]) = ([], [])
    for delta in dense {
      let values = delta.tensor.view.float64Elements() ?? []
      if sum.isEmpty {
        sum = [Double](repeating: 0, count: values.count)
        size = sum
      }
      for i in values.indices {
        sum[i] += delta.scale * values[i]
        size[i] += (delta.scale * values[i]).magnitude
      }
    }
    return sum.indices.allSatisfy { sum[$0].magnitude <= size[$0] * 0x1p-50 }
  }
}

extension TermFactors {
  /// Whether some rank has a vector on both sides that is not zero.
  var isNonzero: Bool {
    guard rank > 0, multiplier != 0 else { return false }
    let upWidth = up.count / rank
    let downWidth = down.count / rank
    return (0..<rank).contains { j in
      up[j * upWidth..<(j + 1) * upWidth].contains { $0 != 0 }
        && down[j * downWidth..<(j + 1) * downWidth].contains { $0 != 0 }
    }
  }
}
