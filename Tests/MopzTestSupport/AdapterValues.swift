public import MopzAdapters
import MopzBytes
public import MopzTensors

extension Adapter {
  /// Adds a source tensor and the block that holds it.
  public mutating func add(source name: String, _ tensor: Tensor) -> Int {
    blocks.append(tensor)
    sourceTensors.append(
      SourceTensor(
        name: name, dtype: tensor.dtype, shape: tensor.shape, content: .block(blocks.count - 1),
        disposition: .consumed))
    return blocks.count - 1
  }

  /// Adds an additive update `scaling · up · down` of a module's weight.
  ///
  /// - Parameters:
  ///   - down: A, `[rank, in…]`.
  ///   - up: B, `[out, rank…]`.
  ///   - magnitude: Makes it DoRA.
  public mutating func addLowRank(
    _ module: String, down: Tensor, up: Tensor, scaling: Double, layout: Layout = .linear,
    naming: ModuleNaming = .dotted, magnitude: Tensor? = nil
  ) {
    let rank = down.shape.matrix.rows
    let term = Term(
      scaling: scaling,
      down: addFactor(
        .down, add(source: "\(module).lora_A.weight", down), rank: rank,
        width: down.shape.matrix.columns),
      up: addFactor(
        .up, add(source: "\(module).lora_B.weight", up), rank: rank, width: up.shape.matrix.rows))
    var update = TargetUpdate(
      module: module, naming: naming, layout: layout, kind: .additive, terms: [term])
    if let magnitude {
      update.kind = .magnitude
      update.operands = [
        Operand(
          role: .magnitude, block: add(source: "\(module).lora_magnitude_vector", magnitude))
      ]
    }
    targets.append(update)
  }

  private mutating func addFactor(
    _ side: Factor.Side, _ block: Int, rank: Int, width: Int
  ) -> Int {
    let range = PoolRange(
      block: block, axis: side == .down ? .rows : .columns, first: 0, count: rank)
    pools.append(Pool(shardLength: width, ranges: [range]))
    factors.append(Factor(side: side, rank: rank, width: width, pool: pools.count - 1))
    return factors.count - 1
  }

  /// Adds an update that takes one tensor as it is: a replacement, or a full-size delta.
  public mutating func addValue(
    _ module: String, _ parameter: String, _ tensor: Tensor, kind: UpdateKind,
    scaling: Double? = nil
  ) {
    let block = add(source: "\(module).\(parameter)", tensor)
    targets.append(
      TargetUpdate(
        module: module, parameter: parameter, layout: .whole, kind: kind,
        operands: [Operand(role: .value, block: block)],
        scalars: scaling.map { [Scalar(role: .scaling, value: $0)] } ?? []))
  }

  /// Adds an update that replaces rows of a module's weight.
  public mutating func addRows(_ module: String, indices: [Int64], _ values: Tensor) {
    let numbers = Tensor(
      dtype: .i64, shape: [indices.count],
      bytes: Bytes(
        indices.flatMap { index in
          (0..<8).map { UInt8(truncatingIfNeeded: index >> ($0 * 8)) }
        }))
    blocks.append(numbers)
    let indexBlock = blocks.count - 1
    let block = add(source: "\(module).trainable_tokens_delta", values)
    targets.append(
      TargetUpdate(
        module: module, layout: .whole, kind: .rowReplacement,
        operands: [
          Operand(role: .value, block: block), Operand(role: .indices, block: indexBlock),
        ]))
  }
}
