import MopzAdapters
import MopzTensors

/// Checks that the parts of one update fit the base tensor.
struct UpdateFit {
  let adapter: Adapter
  let update: TargetUpdate
  let target: BoundTarget

  /// Checks the widths of all factors.
  func checkTerms() throws(BindingError) {
    guard !update.terms.isEmpty else {
      throw content("the update has no terms")
    }
    let features = target.features
    for term in update.terms {
      let down = adapter.factors[term.down]
      let up = adapter.factors[term.up]
      let fits = down.width == features.in && up.width == features.out
      if fits { continue }
      let isSwapped = down.width == features.out && up.width == features.in
      let factor = down.width == features.in || isSwapped ? term.up : term.down
      let (name, shape) = source(ofFactor: factor)
      let base = target.base.info
      if isSwapped {
        throw .orientation(
          adapter: adapter.name, tensor: name, shape: shape, base: base.name,
          baseShape: base.shape)
      }
      throw .shapeMismatch(
        adapter: adapter.name, tensor: name, shape: shape, base: base.name, baseShape: base.shape)
    }
  }

  /// The magnitudes, one per output.
  func magnitude() throws(BindingError) -> Tensor {
    try tensor(.magnitude, named: "magnitude") { $0.elementCount == target.features.out }
  }

  /// The value of a replacement or a full-size delta.
  func value() throws(BindingError) -> Tensor {
    let shape = target.base.info.shape
    return try tensor(.value, named: "value") { value in
      value.elementCount == shape.elementCount
        && value.dimensions.filter { $0 != 1 } == shape.dimensions.filter { $0 != 1 }
    }
  }

  /// The rows that are replaced.
  func rows(adapter index: Int) throws(BindingError) -> BoundRows {
    let block = update.operand(.indices).map { adapter.blocks[$0] }
    guard let block, let numbers = block.view.int64Elements() else {
      throw content("the update has no row numbers")
    }
    let matrix = target.matrix
    let values = try tensor(.value, named: "value") {
      $0.matrix == (numbers.count, matrix.columns) || numbers.isEmpty
    }
    var indices: [Int] = []
    for number in numbers {
      guard let row = Int(exactly: number), (0..<matrix.rows).contains(row) else {
        throw content("row \(number) does not exist; the base tensor has \(matrix.rows) rows")
      }
      indices.append(row)
    }
    guard Set(indices).count == indices.count else { throw content("a row is replaced twice") }
    return BoundRows(adapter: index, indices: indices, values: values)
  }

  private func tensor(
    _ role: Operand.Role, named noun: String, fits: (Shape) -> Bool
  ) throws(BindingError) -> Tensor {
    guard let block = update.operand(role) else { throw content("the update has no \(noun)") }
    let tensor = adapter.blocks[block]
    guard ElementConversion.isSupported(from: tensor.dtype, to: .f64) else {
      throw content("its \(noun) is \(tensor.dtype.code), which is no floating-point type")
    }
    guard fits(tensor.shape) else {
      throw .shapeMismatch(
        adapter: adapter.name, tensor: source(ofBlock: block) ?? ModuleLookup.name(of: update),
        shape: tensor.shape, base: target.base.info.name, baseShape: target.base.info.shape)
    }
    return tensor
  }

  private func content(_ reason: String) -> BindingError {
    .content(adapter: adapter.name, parameter: ModuleLookup.name(of: update), reason: reason)
  }

  /// The name and shape by which the user knows a factor.
  private func source(ofFactor index: Int) -> (name: String, shape: Shape) {
    let factor = adapter.factors[index]
    if let tensor = adapter.sourceTensors.first(where: { $0.content == .factor(index) }) {
      return (tensor.name, tensor.shape)
    }
    for range in adapter.pools[factor.pool].ranges {
      if let tensor = adapter.sourceTensors.first(where: { $0.content == .block(range.block) }) {
        return (tensor.name, tensor.shape)
      }
    }
    let shape: Shape =
      factor.side == .down ? [factor.rank, factor.width] : [factor.width, factor.rank]
    return (ModuleLookup.name(of: update), shape)
  }

  private func source(ofBlock block: Int) -> String? {
    adapter.sourceTensors.first { $0.content == .block(block) }?.name
  }
}
