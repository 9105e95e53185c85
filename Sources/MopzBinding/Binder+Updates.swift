import MopzAdapters
import MopzBytes
import MopzSafetensors
import MopzTensors

extension Binder {
  /// Puts one update into the target that it changes.
  mutating func apply(
    _ update: TargetUpdate, to name: String, adapter index: Int
  ) throws(BindingError) {
    guard names.exists(name) else { return try add(update, as: name, adapter: index) }
    var target: BoundTarget
    if let known = targets[name] {
      target = known
    } else {
      target = try newTarget(named: name, adapter: index)
    }
    try target.checkRoom(for: update, adapter: index, of: adapters)
    let fit = UpdateFit(adapter: adapters[index].adapter, update: update, target: target)
    switch update.kind {
    case .additive, .magnitude:
      target.orientation = try orientation(of: update, in: target, adapter: index)
      try UpdateFit(adapter: adapters[index].adapter, update: update, target: target).checkTerms()
      target.terms += update.terms.map {
        BoundTerm(adapter: index, term: $0, scale: adapters[index].scale)
      }
      guard update.kind == .magnitude else { break }
      try refuseScale(index, name, "the norm of V = W + ΔW is taken after it")
      let fit = UpdateFit(adapter: adapters[index].adapter, update: update, target: target)
      target.magnitude = BoundTensor(adapter: index, tensor: try fit.magnitude())
    case .denseDelta:
      let scaling = update.scalars.first { $0.role == .scaling }?.value ?? 1
      target.dense.append(
        BoundDense(
          adapter: index, tensor: try fit.value(), scale: scaling * adapters[index].scale))
    case .replacement:
      let value = try fit.value()
      if isCopyOfBase(value, target) {
        note(
          .note, "REPLACEMENT", name,
          "adapter \(adapters[index].name.quoted) brings a copy of it that equals the base's")
        return
      }
      try refuseScale(index, name, "the tensor is replaced, not added to")
      target.replacement = BoundTensor(adapter: index, tensor: value)
      note(
        .note, "REPLACEMENT", name,
        "adapter \(adapters[index].name.quoted) replaces it by another value")
    case .rowReplacement:
      try refuseScale(index, name, "rows are replaced, not added to")
      target.rows = try fit.rows(adapter: index)
    case .scale, .hadamard, .kronecker, .sparse, .spectral, .rotation:
      throw .notMergeable(
        adapter: adapters[index].name, kind: "\(update.kind)",
        reason: "this version carries such updates but cannot form them yet")
    }
    targets[name] = target
  }

  private func newTarget(
    named name: String, adapter: Int
  ) throws(BindingError) -> BoundTarget {
    let isUntied = base.location(of: name) == nil
    let source = isUntied ? names.tie?.embedding ?? name : name
    guard let location = base.location(of: source), let info = base.info(of: source) else {
      throw .noMatch(adapter: adapters[adapter].name, parameter: name, nearest: [])
    }
    guard info.dtype.isMergeable else {
      throw .baseType(adapter: adapters[adapter].name, base: source, dtype: info.dtype)
    }
    return BoundTarget(
      name: name, base: BaseTensor(info: info, location: location), isUntied: isUntied,
      orientation: .outputRows)
  }

  /// A tensor that the base lacks is new only if its whole module is.
  private mutating func add(
    _ update: TargetUpdate, as name: String, adapter index: Int
  ) throws(BindingError) {
    let adapter = adapters[index]
    if let sibling = names.sibling(of: name) {
      throw .missingParameter(adapter: adapter.name, parameter: name, sibling: sibling)
    }
    guard let block = update.operand(.value) else {
      throw .content(adapter: adapter.name, parameter: name, reason: "the update has no value")
    }
    try refuseScale(index, name, "the tensor is new to the base")
    let tensor = adapter.adapter.blocks[block]
    if let other = added.first(where: { $0.name == name }) {
      guard other.tensor.isIdentical(to: tensor) else {
        throw .conflict(
          adapters: other.adapter.map { [adapters[$0].name, adapter.name] } ?? [adapter.name],
          parameter: name, reason: "both bring it, with different values")
      }
      return
    }
    added.append(AddedTensor(name: name, adapter: index, tensor: tensor))
    note(
      .note, "ADDED", name,
      "the base lacks it; adapter \(adapter.name.quoted) brings it")
  }

  /// How ΔW lies in the base: the architecture decides, else the adapter's layout.
  private func orientation(
    of update: TargetUpdate, in target: BoundTarget, adapter: Int
  ) throws(BindingError) -> WeightOrientation {
    let decided: WeightOrientation =
      switch update.layout {
      case .embedding: .outputColumns
      case .convolution, .whole: .outputRows
      case .linear, .transposed:
        ArchitectureOrientation.orientation(
          modelType: base.modelType, module: BaseNames.split(target.name).module)
          ?? (update.layout == .transposed ? .outputColumns : .outputRows)
      case .expertSlice:
        throw .notMergeable(
          adapter: adapters[adapter].name, kind: "expert slice",
          reason: "this version cannot merge into stacks of experts")
      }
    if !target.terms.isEmpty, target.orientation != decided {
      throw .conflict(
        adapters: [adapters[adapter].name], parameter: target.name,
        reason: "its updates disagree on the orientation of the weight")
    }
    return decided
  }

  private func refuseScale(_ index: Int, _ name: String, _ reason: String) throws(BindingError) {
    let adapter = adapters[index]
    guard adapter.scale != 1 else { return }
    throw .scale(adapter: adapter.name, parameter: name, scale: adapter.scale, reason: reason)
  }

  /// Whether a value is what the base has already, in the base's own element type.
  private func isCopyOfBase(_ value: Tensor, _ target: BoundTarget) -> Bool {
    let tensor = base.tensor(at: target.base.location)
    if value.dtype == tensor.dtype { return value.isIdentical(to: tensor) }
    // A value of another type is a copy if widening both gives the same numbers.
    guard ElementConversion.isSupported(from: value.dtype, to: .f64) else { return false }
    let count = tensor.shape.elementCount
    let step = 1 << 16
    var a = [Double](repeating: 0, count: min(step, count))
    var b = a
    for first in stride(from: 0, to: count, by: step) {
      let range = first..<min(first + step, count)
      var left = a.mutableSpan
      value.view.copyFloat64(into: &left, elements: range)
      var right = b.mutableSpan
      tensor.view.copyFloat64(into: &right, elements: range)
      for i in 0..<range.count where a[i].bitPattern != b[i].bitPattern { return false }
    }
    return true
  }
}

extension Tensor {
  /// Whether type, shape and bytes are the same.
  func isIdentical(to other: Tensor) -> Bool {
    dtype == other.dtype && shape == other.shape && bytes.span.hasSameBytes(as: other.bytes.span)
  }
}
