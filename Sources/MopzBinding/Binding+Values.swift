import MopzAdapters
import MopzBytes
import MopzTensors

extension Binding {
  /// Looks at the adapters' numbers: they must be finite, and do something.
  ///
  /// - Throws: ``BindingError/notFinite(adapter:tensor:)``, or
  ///   ``BindingError/noEffect(adapter:reason:)`` for an adapter whose delta is zero
  ///   everywhere.
  /// - Complexity: O(size of the adapters).
  public func validateValues() throws(BindingError) {
    for index in adapters.indices {
      try checkFiniteness(of: adapters[index].adapter)
      guard try hasEffect(index) else {
        throw .noEffect(
          adapter: adapters[index].name,
          reason: adapters[index].scale == 0
            ? "its scale is 0" : "its delta is zero in every target")
      }
    }
  }

  private func checkFiniteness(of adapter: Adapter) throws(BindingError) {
    for tensor in adapter.sourceTensors where tensor.disposition == .consumed {
      guard case .block(let block) = tensor.content else { continue }
      if !adapter.blocks[block].isFinite {
        throw .notFinite(adapter: adapter.name, tensor: tensor.name)
      }
    }
    // Factors that no single tensor of the source holds.
    for pool in adapter.pools {
      for range in pool.ranges where !adapter.blocks[range.block].isFinite {
        throw .notFinite(adapter: adapter.name, tensor: "block \(range.block)")
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
        if dense.scale != 0 && !dense.tensor.isZero { return true }
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

extension Tensor {
  /// Whether all elements are finite; true for types that have no other.
  fileprivate var isFinite: Bool {
    let span = bytes.span
    func allFinite<Bits: FixedWidthInteger & BitwiseCopyable>(_ exponent: Bits) -> Bool {
      let width = MemoryLayout<Bits>.size
      var found = false
      for i in 0..<shape.elementCount {
        let bits = span.loadLittleEndian(fromByteOffset: i * width, as: Bits.self)
        found = found || bits & exponent == exponent
      }
      return !found
    }
    return switch dtype {
    case .f64: allFinite(0x7FF0_0000_0000_0000 as UInt64)
    case .f32: allFinite(0x7F80_0000 as UInt32)
    case .bf16: allFinite(0x7F80 as UInt16)
    case .f16: allFinite(0x7C00 as UInt16)
    default: view.float32Elements()?.allSatisfy(\.isFinite) ?? true
    }
  }

  /// Whether all elements are zero, of either sign.
  fileprivate var isZero: Bool { view.float64Elements()?.allSatisfy { $0 == 0 } ?? false }
}
